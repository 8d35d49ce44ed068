// Ten thousand delivery events in random order, doubled, with gaps: the same end as in order, one by one.
import { sql } from 'kysely'
import t from 'tap'
import { watchUnknown } from '../../../src/features/dead-letters/watch-unknown.js'
import { recordDeliveryEvents } from '../../../src/features/messages/record-delivery-events.js'
import { type DeliveryEvent, type RecipientState } from '../../../src/features/messages/states.js'
import { tenantDatabase, type TenantGround } from '../../helpers/tenant-database.js'

const recipients = 2_500
const eventsEach = 5
const lost = 0.2
const begins: RecipientState[] = ['queued', 'sending', 'unknown', 'sent', 'failed', 'suppressed', 'cancelled']
const seed = Number(process.env['EVENT_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Numbers from 0 to 1 (mulberry32). */
function seeded (start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6D2B79F5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
const random = seeded(seed)
const below = (count: number) => Math.floor(random() * count)

interface Planned { recipient: number, status: DeliveryEvent['status'], second: number }

/** What a carrier says of each text in the order in which it happens, some of it lost on the way. */
const planned: Planned[] = Array.from({ length: recipients }, (_, recipient) => Array.from({ length: eventsEach }, (_, second) => ({
  recipient, second, status: (['sent', 'failed', 'delivered'] as const)[below(3)] ?? 'sent'
}))).flat().filter(() => random() >= lost)

/** One message with a recipient for each text, every state being where some begin. */
async function prepare ({ db }: TenantGround) {
  const { id: messageId } = await db.insertInto('messages').values({ kind: 'broadcast', text: 'Hello', from_number: '+16155550100' }).returning('id').executeTakeFirstOrThrow()
  const hashes = Array.from({ length: recipients }, (_, index) => Buffer.alloc(32, 0).fill(index.toString(16).padStart(8, '0'), 0))
  const starts = hashes.map((_, index) => begins[index % begins.length] ?? 'queued')
  await sql`
    INSERT INTO message_recipients (message_id, phone_hash, phone_cipher, parts, encoding, status)
    SELECT ${messageId}, hash, '\\x00', 1, 'gsm7', status FROM unnest(${hashes}::bytea[], ${starts}::text[]) AS r (hash, status)`.execute(db)
  await sql`INSERT INTO message_queue (message_id, phone_hash) SELECT message_id, phone_hash FROM message_recipients WHERE message_id = ${messageId} AND status IN ('queued', 'sending')`.execute(db)
  await watchUnknown(db, hashes.map((phoneHash) => ({ messageId, phoneHash })))
  const toEvent = ({ recipient, status, second }: Planned): DeliveryEvent => ({
    messageId,
    phoneHash: hashes[recipient] ?? Buffer.alloc(32),
    status,
    occurredAt: new Date(Date.UTC(2026, 0, 1, 0, 0, second)),
    providerMessageId: null,
    errorCode: status === 'failed' ? `E${second}` : null
  })
  const outcome = async () => {
    const { rows } = await sql`
      SELECT r.phone_hash, r.status, r.sent_at, r.failed_at, r.delivered_at, r.error_code, q.message_id IS NOT NULL AS waits, d.status AS letter
      FROM message_recipients r LEFT JOIN message_queue q USING (message_id, phone_hash) LEFT JOIN dead_letter_queue d USING (message_id, phone_hash)
      WHERE r.message_id = ${messageId} ORDER BY r.phone_hash`.execute(db)
    return rows
  }
  return { toEvent, outcome }
}

void t.test(`10,000 events in random order, doubled, with gaps, end as they do in order (EVENT_SEED=${seed})`, async (t) => {
  const ground = await tenantDatabase(t)
  t.ok(planned.length > 9_500, `${planned.length} events`)

  const inOrder = await prepare(ground)
  const lanes = 8
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    for (const event of planned.filter(({ recipient }) => recipient % lanes === lane)) await recordDeliveryEvents(ground.db, [inOrder.toEvent(event)])
  }))

  const shuffled = await prepare(ground)
  const pile = [...planned, ...planned.filter(() => random() < 0.5)]
  for (let index = pile.length - 1; index > 0; index--) {
    const other = below(index + 1)
    const [one, two] = [pile[index], pile[other]]
    if (one !== undefined && two !== undefined) [pile[index], pile[other]] = [two, one]
  }
  const batches: Planned[][] = []
  while (pile.length > 0) batches.push(pile.splice(0, 1 + below(300)))
  // Several at once, as the workers of several processes do.
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) await recordDeliveryEvents(ground.db, batch.map(shuffled.toEvent))
  }))

  const [expected, found] = [await inOrder.outcome(), await shuffled.outcome()]
  const different = found.flatMap((row, index) => JSON.stringify(row) === JSON.stringify(expected[index]) ? [] : [{ found: row, expected: expected[index] }])
  t.equal(found.length, recipients)
  t.same(different.slice(0, 3), [])
  const ends = new Set(found.map((row) => (row as { status: string }).status))
  t.ok(['sent', 'failed', 'delivered', 'suppressed', 'cancelled'].every((state) => ends.has(state)), [...ends].join(', '))
})
