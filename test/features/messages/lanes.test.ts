// Answers beside broadcasts: a person who waits for one never waits for somebody's broadcast.
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { BroadcastPlaces } from '../../../src/features/messages/broadcast-places.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { buildTestApp, type TestApp } from '../../helpers/build.js'
import { addMembers } from '../../helpers/tenant-database.js'
import { until } from '../../helpers/until.js'

const latencyMs = 3_000
/** About a second, on a machine that does other things as well. */
const soonMs = 1_500

interface Text { from: string, to: string, createdAt: string }

async function sandbox <Answer> ({ carrier }: TestApp, method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`${carrier!.url}/sandbox${path}`, {
    method, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  })
  return await response.json() as Answer
}

/** An organization in the middle of a broadcast to a thousand. */
async function broadcasting (app: TestApp, firstLine: number): Promise<string> {
  const { tenantId, headers } = await app.signUp()
  const { number } = await app.addNumber({ tenantId })
  await app.services.tenancy.withTenant(tenantId, (db) => addMembers({ db, fields: fieldCrypto(app.services.keyring, tenantId) }, 1_000, 'opted_in', firstLine))
  const sent = await app.app.inject({ method: 'POST', url: '/api/messages', headers, payload: { text: 'Hello all', to: { all: true } } })
  if (sent.statusCode !== 202) throw new Error(sent.body)
  return number
}

void t.test('HELP is answered within about a second while all who may broadcast do, at a slow carrier', async (t) => {
  const app = await buildTestApp(t, { carrier: true, config: { SEND_CONCURRENCY: 32, WORKER_CONCURRENCY: 2 } })
  const numbers = [await broadcasting(app, 1_000), await broadcasting(app, 3_000)]
  await sandbox(app, 'PUT', '/faults', { latencyMs })
  await app.startWorker()
  await until(async () => (await sandbox<{ accepted: number }>(app, 'GET', '/counts')).accepted >= 28)
  for (const [turn, number] of [...numbers, ...numbers].entries()) {
    const phone = `+1615555099${turn}`
    const asked = await sandbox<Text>(app, 'POST', '/inbound', { from: phone, to: number, text: 'HELP' })
    const answer = await until(async () => (await sandbox<{ items: Text[] }>(app, 'GET', `/messages?to=${encodeURIComponent(phone)}`)).items.at(0))
    const tookMs = Date.parse(answer.createdAt) - Date.parse(asked.createdAt)
    t.comment(`answered in ${tookMs} ms`)
    t.ok(tookMs < soonMs, `it took ${tookMs} ms`)
  }
  const { accepted } = await sandbox<{ accepted: number }>(app, 'GET', '/counts')
  t.ok(accepted < 2_004, 'the broadcasts were still under way')
})

void t.test('one place of the worker stays free of broadcasts; who waits for one is woken in turn, and all are when it stops', async (t) => {
  const [a, b, c, d] = ['ta', 'tb', 'tc', 'td'] as TenantId[] as [TenantId, TenantId, TenantId, TenantId]
  const places = new BroadcastPlaces(3)
  t.same([a, b].map((tenant) => [places.isFull(), places.enter(tenant)]), [[false, true], [false, true]])
  t.ok(places.isFull())
  t.same([c, d].map((tenant) => places.enter(tenant)), [false, false])
  t.equal(places.enter(a), false)
  t.same(places.leave(a, false), { called: true, next: [c] })
  t.equal(places.enter(c), true)
  t.equal(places.enter(a), false)
  t.same(places.leave(b, true), { called: false, next: [d, a] })
  t.ok(new BroadcastPlaces(1).enter(a), 'a worker with a single place broadcasts too')
})
