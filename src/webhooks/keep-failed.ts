// What failed for good of a known organization becomes a dead letter there, before the ledger forgets to try it.
import { fieldCrypto } from '../crypto/fields.js'
import { addDeadLetter } from '../features/dead-letters/add-dead-letter.js'
import { announceEvents } from '../features/events/record-event.js'
import { openStatusToken } from '../features/messages/status-token.js'
import { type Services } from '../services.js'
import { isTenantId } from '../tenancy/tenant.js'
import { type ClaimedEvent, type SettledEvent } from './queries.js'
import { outcomeOfFailure } from './retry.js'

/** @returns what becomes of each; one whose dead letter cannot be written is tried again instead of failed. */
export async function keepFailed (services: Services, claimed: readonly ClaimedEvent[], settled: readonly SettledEvent[]): Promise<SettledEvent[]> {
  const events = new Map(claimed.map((event) => [event.id, event]))
  const kept: SettledEvent[] = []
  for (const one of settled) {
    const event = events.get(one.id)
    kept.push(one.outcome.status === 'failed' && event !== undefined ? await keep(services, event, { ...one, outcome: one.outcome }) : one)
  }
  return kept
}

type Failed = SettledEvent & { outcome: { status: 'ignored' | 'failed', reason: string } }

async function keep (services: Services, event: ClaimedEvent, { id, outcome }: Failed): Promise<SettledEvent> {
  const tenantId = outcome.tenantId ?? event.tenantId ?? (event.routeToken === null ? undefined : openStatusToken(services.keyring, event.routeToken)?.tenantId)
  if (tenantId === undefined || !isTenantId(tenantId)) return { id, outcome }
  const failure = { category: 'webhook_inbound' as const, source: `${event.provider}:${event.id}`, error: outcome.reason, attempts: event.attempt, payload: event.payload.toString('utf8') }
  try {
    const added = await services.tenancy.withTenant(tenantId, (db) => db.transaction().execute((trx) => addDeadLetter(trx, fieldCrypto(services.keyring, tenantId), failure)))
    if (added) {
      services.metrics.deadLetters.inc({ category: failure.category })
      announceEvents(services, tenantId)
    }
    return { id, outcome: { ...outcome, tenantId } }
  } catch (error) {
    services.log.warn({ err: error, tenantId, webhookEvent: id }, 'a dead letter could not be written; the event is tried again')
    const again = outcomeOfFailure(error, 1)
    return { id, outcome: again.status === 'received' ? { ...again, counts: false, tenantId } : again }
  }
}
