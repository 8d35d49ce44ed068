// kill -9 of the worker, again and again, in the middle of a broadcast: the carrier's own count of texts is the judge.
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { fieldCrypto } from '../../src/crypto/fields.js'
import { countRecipients } from '../../src/features/messages/queries.js'
import { type Message } from '../../src/features/messages/schemas.js'
import { processEventsJob } from '../../src/webhooks/jobs.js'
import { buildTestApp, type TestApp } from '../helpers/build.js'
import { startProcess } from '../helpers/service-process.js'
import { addMembers } from '../helpers/tenant-database.js'
import { until } from '../helpers/until.js'

const texts = 1_000
const kills = 20
/** What a kill can catch between its claim and the carrier: those in flight, and a few claimed ahead. */
const mostUncertainPerKill = 20

t.setTimeout(300_000)

void t.test('twenty kills during a broadcast of a thousand: none twice, none lost, the uncertain ones settled by their delivery events', async (t) => {
  const app = await buildTestApp(t, { carrier: true, config: { SEND_CONCURRENCY: 6, SEND_TIMEOUT_MS: 700, SEND_RECOVERY_MS: 1_500 } })
  const { tenantId, headers } = await app.signUp()
  await app.addNumber({ tenantId })
  // Lines from 1000 on: among those before are phones that force a failure.
  await app.services.tenancy.withTenant(tenantId, (db) => addMembers({ db, fields: fieldCrypto(app.services.keyring, tenantId) }, texts, 'opted_in', 1_000))
  // So slow that twenty kills fall within the broadcast; then some answers are lost on top.
  await fetch(`${app.carrier!.url}/sandbox/faults`, {
    method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ latencyMs: 45, resetAfterAccept: 0.02, reject429: 0.005, duplicateWebhook: 0.1, shuffleWebhooks: 0.1 })
  })
  const sent = await app.app.inject({ method: 'POST', url: '/api/messages', headers, payload: { text: 'Hello all', to: { all: true } } })
  t.equal(sent.statusCode, 202)
  const { id, counts } = sent.json<Message>()
  t.equal(counts.queued, texts)
  const countsNow = async () => ({ queued: 0, sending: 0, sent: 0, delivered: 0, unknown: 0, ...(await app.services.tenancy.withTenant(tenantId, (db) => countRecipients(db, [id]))).get(id) })

  let worker = await startProcess(app, 'worker')
  t.teardown(() => worker.kill())
  for (let turn = 1; turn <= kills; turn++) {
    const before = (await carrierCounts(app)).accepted
    await until(async () => (await carrierCounts(app)).accepted > before, 60_000)
    await pause(Math.random() * 400)
    await worker.kill()
    worker = await startProcess(app, 'worker')
  }
  const midway = await countsNow()
  t.ok(midway.queued > 0, `the broadcast was still under way at the last kill: ${JSON.stringify(midway)}`)
  // An event that was in the hands of three killed workers waits two minutes: here they are over at once.
  await app.registry.query('UPDATE webhook_events SET not_before = now() WHERE status = \'received\'')
  await app.services.jobs.enqueue(processEventsJob, {})

  const after = await until(async () => {
    const { webhooks } = await carrierCounts(app)
    const now = await countsNow()
    return now.queued === 0 && now.sending === 0 && now.sent === 0 && webhooks.pending === 0 && now
  }, 120_000)
  const { accepted, duplicates } = await carrierCounts(app)
  t.equal(duplicates, 0, 'none was sent twice')
  t.equal(after.delivered, accepted, 'whatever the carrier took is known to be delivered, even where the worker died before it heard')
  t.equal(after.delivered + after.unknown, texts, 'none was lost: the rest is listed as unknown, for a person to decide')
  t.ok(after.unknown <= kills * mostUncertainPerKill)
  t.comment(`delivered ${after.delivered}, unknown ${after.unknown}: ${(after.unknown / kills).toFixed(1)} a kill`)
})

interface CarrierCounts { accepted: number, duplicates: number, webhooks: { pending: number } }

async function carrierCounts ({ carrier }: TestApp): Promise<CarrierCounts> {
  return await (await fetch(`${carrier!.url}/sandbox/counts`)).json() as CarrierCounts
}
