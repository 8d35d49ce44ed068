// A carrier that asks to slow down, HTTP 429: the number it means waits, everything else goes on.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { dispatch } from '../../../src/features/messages/dispatch.js'
import { queueText } from '../../../src/features/messages/queue-text.js'
import { type OutgoingText, type SendOutcome } from '../../../src/providers/carrier.js'
import { type TenantDb } from '../../../src/tenancy/tenant.js'
import { buildTestApp } from '../../helpers/build.js'
import { addMembers } from '../../helpers/tenant-database.js'

const running = new AbortController().signal
const [slow, quick] = ['+16155550100', '+16155550101']

async function open (t: Parameters<typeof buildTestApp>[0], carrier: boolean) {
  const app = await buildTestApp(t, { carrier })
  const { tenantId } = await app.signUp()
  const fields = fieldCrypto(app.services.keyring, tenantId)
  const inTenant = <T>(use: (db: TenantDb) => Promise<T>): Promise<T> => app.services.tenancy.withTenant(tenantId, use)
  await inTenant((db) => addMembers({ db, fields }, 200, 'opted_in', 1_000))
  const broadcast = (from: string): Promise<void> => inTenant(async (db) => {
    const { id } = await db.insertInto('messages').values({ kind: 'broadcast', text: 'Hello all', from_number: from }).returning('id').executeTakeFirstOrThrow()
    await sql`INSERT INTO message_recipients (message_id, phone_hash, member_id, phone_cipher, parts, encoding) SELECT ${id}, phone_hash, id, phone_cipher, 1, 'gsm7' FROM members`.execute(db)
    await sql`INSERT INTO message_queue (message_id, phone_hash) SELECT ${id}, phone_hash FROM members`.execute(db)
  })
  const states = async () => {
    const { rows } = await inTenant((db) => sql<{ key: string, count: number }>`
      SELECT m.from_number || ' ' || r.status AS key, count(*)::int AS count FROM message_recipients r JOIN messages m ON m.id = r.message_id GROUP BY 1`.execute(db))
    return Object.fromEntries(rows.map(({ key, count }) => [key, count]))
  }
  const reply = (from: string): Promise<unknown> => {
    const phone = '+16155559001'
    const recipient = { memberId: null, phoneHash: fields.blindIndex(phone), phoneCipher: fields.encrypt(phone) }
    return inTenant((db) => queueText(db, { kind: 'reply', lane: 'reply', text: 'a reply', from, recipient }))
  }
  const reopen = (): Promise<unknown> => inTenant(async (db) => {
    await sql`UPDATE send_buckets SET closed_until = now()`.execute(db)
    await sql`UPDATE message_queue SET not_before = now()`.execute(db)
  })
  const nextVisitsInMs = async () => {
    const { rows } = await sql<{ in_ms: number }>`SELECT extract(epoch FROM run_at - now())::float8 * 1000 AS in_ms FROM graphile_worker.jobs WHERE key LIKE 'dispatch-at:%' AND key NOT LIKE '%:deputy'`.execute(app.services.registry)
    return rows.map(({ in_ms: inMs }) => inMs)
  }
  return { app, tenantId, broadcast, reply, states, reopen, nextVisitsInMs }
}

void t.test('a number that the carrier slows down waits as long as it is told; another number\'s broadcast goes on', async (t) => {
  const { app, tenantId, broadcast, states, reopen } = await open(t, true)
  for (const number of [slow, quick]) await app.addNumber({ tenantId }, number)
  const faults = async (settings: object): Promise<void> => {
    const { status } = await fetch(`${app.carrier!.url}/sandbox/faults`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(settings) })
    t.equal(status, 200)
  }
  await faults({ reject429From: [slow] })
  await broadcast(slow)
  await broadcast(quick)
  const waits = async (number: string): Promise<boolean> => Object.keys(await states()).includes(`${number} queued`)
  // A turn is two seconds long, which is little on a busy machine.
  for (let turn = 0; turn < 5 && await waits(quick); turn++) await dispatch(app.services, tenantId, running)
  t.match(await states(), { [`${slow} queued`]: 200 })
  t.notOk(await waits(quick), 'all of the other number has left')
  await faults({})
  for (let turn = 0; turn < 5 && await waits(slow); turn++) {
    await reopen()
    await dispatch(app.services, tenantId, running)
  }
  t.notOk(await waits(slow))
})

void t.test('the answers of a number whose broadcast is slowed down go on, and its broadcast when only answers are', async (t) => {
  const { app, tenantId, broadcast, reply, states, reopen, nextVisitsInMs } = await open(t, false)
  const sent: OutgoingText[] = []
  let refused = 'Hello all'
  const send = async (text: OutgoingText): Promise<SendOutcome> => {
    sent.push(text)
    return text.text === refused ? { kind: 'not_sent', reason: 'carrier_rate_limit', retryAfterMs: 5_000, slows: 'number' } : { kind: 'accepted', providerMessageId: randomUUID() }
  }
  const services = { ...app.services, config: { ...app.services.config, SEND_CONCURRENCY: 8 }, carrier: { ...app.services.carrier, send } }
  await broadcast(slow)
  await dispatch(services, tenantId, running)
  t.ok(sent.length <= 7, `${sent.length} were tried`)
  const tried = sent.length
  const [inMs = 0] = await nextVisitsInMs()
  t.ok(inMs > 3_500 && inMs < 6_100, `the next visit is in ${inMs} ms`)
  await reply(slow)
  await dispatch(services, tenantId, running)
  t.equal(sent.length, tried + 1, 'nothing else is tried meanwhile')
  t.same(await states(), { [`${slow} queued`]: 200, [`${slow} sent`]: 1 })
  refused = 'a reply'
  await reopen()
  await reply(slow)
  await dispatch(services, tenantId, running)
  t.same(await states(), { [`${slow} queued`]: 1, [`${slow} sent`]: 201 })
})
