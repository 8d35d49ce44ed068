// kill -9 of the API, the worker and PostgreSQL in turn at random moments of broadcasts, with a carrier that fails in every way it can.
// CHAOS_KILLS=200 CHAOS_RECIPIENTS=10000 CHAOS_BROADCASTS=4 makes the long run; without them a short one.
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { type SignedIn } from '../../src/features/auth/schemas.js'
import { fieldCrypto } from '../../src/crypto/fields.js'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { collectJob } from '../../src/features/dead-letters/jobs.js'
import { processEventsJob } from '../../src/webhooks/jobs.js'
import { type Static } from 'typebox'
import { addNumber } from '../helpers/add-number.js'
import { addMembers } from '../helpers/tenant-database.js'
import { until } from '../helpers/until.js'
import { broadcast, call, type Caller } from './chaos/client.js'
import { readHistory } from './chaos/history.js'
import { install, type Installation, type Part, parts, serving } from './chaos/installation.js'

const kills = Number(process.env['CHAOS_KILLS'] ?? 9)
const recipients = Number(process.env['CHAOS_RECIPIENTS'] ?? 500)
/** Begun at even distances among the kills, so they overlap; more follow when the outbox runs low. */
const broadcasts = Number(process.env['CHAOS_BROADCASTS'] ?? 2)
const settings = { QUIET_HOURS: 'ignored', SEND_RATE_ACCOUNT_SMS: '0', SEND_RATE_ACCOUNT_MMS: '0', SEND_CONCURRENCY: '32', SEND_TIMEOUT_MS: '1500', SEND_RECOVERY_MS: '3500', DEAD_LETTER_AFTER_HOURS: '0', ARGON2_MEMORY_KIB: '256', ARGON2_TIME_COST: '1', ACCESS_TOKEN_SECONDS: '86400' }
const faults = { latencyMs: 60, reject429: 0.01, reject5xx: 0.005, resetAfterAccept: 0.01, loseWebhook: 0.01, duplicateWebhook: 0.1, shuffleWebhooks: 0.1 }

t.setTimeout(240_000 + kills * 30_000)

void t.test(`${kills} kills of API, worker and PostgreSQL during broadcasts of ${recipients}: none twice, none lost, and a person is told of each unknown one`, async (t) => {
  const installation = await install(t, settings)
  const { caller, tenantId } = await prepare(installation)
  await control(installation, 'PUT', '/sandbox/faults', faults)

  const texts: string[] = []
  const killed: Record<Part, number> = { api: 0, worker: 0, postgres: 0 }
  for (let turn = 0; turn < kills; turn++) {
    if (turn % Math.ceil(kills / broadcasts) === 0 || await waiting(installation, tenantId) < recipients / 4) {
      const text = `Broadcast ${texts.length + 1}`
      // Not awaited: kills strike while it is being asked for, too.
      texts.push(text)
      const asked = broadcast(caller, text)
      await strike(installation, parts[turn % parts.length]!, killed)
      await asked
    } else {
      await strike(installation, parts[turn % parts.length]!, killed)
    }
  }
  await settle(installation, tenantId)

  const { accepted, duplicates } = await control<CarrierCounts>(installation, 'GET', '/sandbox/counts')
  const history = await readHistory(installation, tenantId)
  t.comment(`${JSON.stringify(killed)}; ${texts.length} broadcasts, ${history.recipients} recipients ${JSON.stringify(history.states)}; the carrier took ${accepted}, ${duplicates} of them twice; ended by themselves: ${installation.endedByThemselves()}`)
  t.same(history.wrong, [], 'what the carrier got and what we know agree for every recipient')
  t.equal(duplicates, 0, 'none was sent twice')
  t.equal(history.recipients, texts.length * recipients, 'each broadcast was made once, for everyone')
  t.ok((history.states.delivered ?? 0) > history.recipients / 2, 'most arrived')
})

async function prepare (installation: Installation): Promise<{ caller: Caller, tenantId: TenantId }> {
  await serving(installation)
  const { apiUrl, services, carrier } = installation
  const { answer } = await call({ apiUrl, headers: {} }, 'POST', '/api/auth/register', {
    email: 'ruth@example.org', password: 'barley and wheat 1', firstName: 'Ruth', lastName: 'Miller', churchName: 'Grace'
  })
  const { accessToken, tenantId } = answer as Static<typeof SignedIn> & { tenantId: TenantId }
  await addNumber({ services, baseUrl: apiUrl }, carrier, { tenantId })
  // Lines from 1000 on: among those before are phones that force a failure.
  await services.tenancy.withTenant(tenantId, (db) => addMembers({ db, fields: fieldCrypto(services.keyring, tenantId) }, recipients, 'opted_in', 1_000))
  return { caller: { apiUrl, headers: { authorization: `Bearer ${accessToken}` } }, tenantId }
}

async function strike (installation: Installation, part: Part, killed: Record<Part, number>): Promise<void> {
  await pause(Math.random() * 1_500)
  await installation.replace(part)
  killed[part]++
}

/** Texts in the outbox. */
async function waiting ({ services }: Installation, tenantId: TenantId): Promise<number> {
  return await unlessDown(() => services.tenancy.withTenant(tenantId, async (db) => {
    const { count } = await db.selectFrom('message_queue').select((row) => row.fn.countAll<string>().as('count')).executeTakeFirstOrThrow()
    return Number(count)
  }))
}

/** With some room: a busy machine sends a hundred in a second. */
const longestMsOfAText = 50

/** Until nothing is on its way any more: no text, no event of the carrier, no look at what is unknown. */
async function settle (installation: Installation, tenantId: TenantId): Promise<void> {
  const { services } = installation
  await unlessDown(async () => {
    // An event that was in the hands of three killed processes waits two minutes: here they are over at once.
    await services.registry.updateTable('webhook_events').set({ not_before: new Date() }).where('status', '=', 'received').execute()
    await services.jobs.enqueue(processEventsJob, {})
    // The look at what is unknown is planned before it is: with no hours between them it may have come too early.
    await services.jobs.enqueue(collectJob, { tenantId }, { key: `dead-letters:${tenantId}` })
  })
  await until(async () => {
    const { webhooks } = await control<CarrierCounts>(installation, 'GET', '/sandbox/counts')
    if (webhooks.pending > 0 || await waiting(installation, tenantId) > 0) return false
    return await unlessDown(async () => {
      const ledger = await services.registry.selectFrom('webhook_events').select('event_id').where('status', '=', 'received').limit(1).execute()
      const watched = await services.tenancy.withTenant(tenantId, (db) => db.selectFrom('dead_letter_queue').select('id').where('status', '=', 'watched').limit(1).execute())
      return ledger.length === 0 && watched.length === 0
    })
  }, 120_000 + await waiting(installation, tenantId) * longestMsOfAText)
}

/** The test's own connections die with the server, too. */
async function unlessDown<T> (work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (tries === 100) throw error
      await pause(200)
    }
  }
}

interface CarrierCounts { accepted: number, duplicates: number, webhooks: { pending: number } }

async function control<Answer> ({ carrier }: Installation, method: 'GET' | 'PUT', path: string, body?: object): Promise<Answer> {
  const response = await fetch(carrier.url + path, { method, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) })
  if (!response.ok) throw new Error(`The sandbox answered ${response.status}: ${await response.text()}`)
  return await response.json() as Answer
}
