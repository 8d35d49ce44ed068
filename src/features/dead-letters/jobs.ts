// The background job of dead letters: a look at one tenant's texts that have been unknown for long.
import { Problem } from '../../errors.js'
import { defineJob } from '../../jobs/define-job.js'
import { type Services } from '../../services.js'
import { isTenantId, type TenantDb, type TenantId } from '../../tenancy/tenant.js'
import { announceEvents, recordEvents } from '../events/record-event.js'
import { promoteWatched } from './queries.js'
import { collectJobShape, deadLetterAfterHours, planCollection } from './watch-unknown.js'

const dayMs = 24 * 3_600_000

export const collectJob = defineJob(collectJobShape.name, collectJobShape.schema, async ({ tenantId }, services: Services) => {
  if (isTenantId(tenantId)) await collect(services, tenantId)
})

/** Safe to call at any time. While anything is watched there is a next look; an idle tenant has none. */
export async function collect (services: Services, tenantId: TenantId): Promise<void> {
  try {
    const { added, nextInMs } = await services.tenancy.withTenant(tenantId, (db) => promote(db, deadLetterAfterHours(services.config)))
    if (added > 0) {
      announceEvents(services, tenantId)
      services.metrics.deadLetters.inc({ category: 'sms_send' }, added)
      services.log.warn({ tenantId, texts: added }, 'texts have been unknown for long: a person must decide, GET /api/dead-letters lists them')
    }
    if (nextInMs !== null) await planCollection(services, tenantId, Math.max(nextInMs, 0))
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error
    // Suspended or archived: it may come back. One that is gone has nothing left to look at.
    if (error.code !== 'TENANT_NOT_FOUND') await planCollection(services, tenantId, dayMs)
  }
}

async function promote (db: TenantDb, hours: number): ReturnType<typeof promoteWatched> {
  return await db.transaction().execute(async (trx) => {
    const found = await promoteWatched(trx, hours)
    if (found.added > 0) await recordEvents(trx, [{ type: 'dead_letter.added', data: { count: found.added } }])
    return found
  })
}
