// Ids of events: in the order of commits, whatever the order of the transactions' beginnings.
import { sql } from 'kysely'
import t from 'tap'
import { eventsAfter, hasEvent, newestEventId } from '../../../src/features/events/queries.js'
import { recordEvents } from '../../../src/features/events/record-event.js'
import { type TenantDb } from '../../../src/tenancy/tenant.js'
import { buildTestApp } from '../../helpers/build.js'

const { services, signUp } = await buildTestApp(t)
const event = (name: string) => ({ type: 'conversation.changed' as const, data: { conversationId: name } })
const idsOf = async (db: TenantDb) => (await eventsAfter(db, 0, 10_000)).map(({ data }) => (data as { conversationId: string }).conversationId)

void t.test('a transaction that recorded first and commits last gets the higher id', async (t) => {
  const { tenantId } = await signUp()
  await services.tenancy.withTenant(tenantId, async (db) => {
    let commit = (): void => undefined
    const mayCommit = new Promise<void>((resolve) => { commit = resolve })
    let recorded = (): void => undefined
    const hasRecorded = new Promise<void>((resolve) => { recorded = resolve })
    const slow = services.tenancy.withTenant(tenantId, (other) => other.transaction().execute(async (trx) => {
      await recordEvents(trx, [event('slow')])
      recorded()
      await mayCommit
    }))
    await hasRecorded
    await db.transaction().execute(async (trx) => { await recordEvents(trx, [event('quick')]) })
    const seen = await newestEventId(db)
    t.strictSame(await idsOf(db), ['quick'], 'what is not committed is not there, and holds up nobody')
    commit()
    await slow
    t.strictSame((await eventsAfter(db, seen, 10)).map(({ data }) => data), [{ conversationId: 'slow' }], 'reading on from the last id finds it')
  })
})

void t.test('a reader that polls while six writers commit at random misses none and sees none twice', async (t) => {
  const { tenantId } = await signUp()
  const written: string[] = []
  let writing = true
  const isWriting = (): boolean => writing
  const write = async (writer: number): Promise<void> => {
    for (let n = 0; n < 40; n++) {
      await services.tenancy.withTenant(tenantId, (db) => db.transaction().execute(async (trx) => {
        await recordEvents(trx, [event(`${writer}-${n}-a`), event(`${writer}-${n}-b`)])
        await sql`SELECT pg_sleep(${Math.random() * 0.008}::float8)`.execute(trx)
      }))
      written.push(`${writer}-${n}-a`, `${writer}-${n}-b`)
    }
  }
  const read: string[] = []
  const reader = (async () => {
    let place = 0
    for (let last = false; !last;) {
      last = !isWriting()
      const events = await services.tenancy.withTenant(tenantId, (db) => eventsAfter(db, place, 10_000))
      place = events.at(-1)?.id ?? place
      read.push(...events.map(({ data }) => (data as { conversationId: string }).conversationId))
    }
  })()
  await Promise.all(Array.from({ length: 6 }, (_, writer) => write(writer)))
  writing = false
  await reader
  t.equal(read.length, 480)
  t.strictSame(read.toSorted(), written.toSorted())
})

void t.test('a transaction that rolls back leaves no event', async (t) => {
  const { tenantId } = await signUp()
  await services.tenancy.withTenant(tenantId, async (db) => {
    await t.rejects(db.transaction().execute(async (trx) => {
      await recordEvents(trx, [event('never')])
      throw new Error('no')
    }))
    t.equal(await newestEventId(db), 0)
  })
})

void t.test('events older than seven days go as new ones come, the oldest first and few at a time', async (t) => {
  const { tenantId } = await signUp()
  await services.tenancy.withTenant(tenantId, async (db) => {
    for (const name of ['one', 'two', 'three', 'four', 'five']) await recordEvents(db, [event(name)])
    const [first, , , fourth] = await eventsAfter(db, 0, 10)
    await sql`UPDATE events SET created_at = now() - interval '8 days' WHERE data ->> 'conversationId' <> 'five'`.execute(db)
    await recordEvents(db, [event('six')])
    t.strictSame(await idsOf(db), ['four', 'five', 'six'])
    t.strictSame([await hasEvent(db, first?.id ?? 0), await hasEvent(db, fourth?.id ?? 0)], [false, true])
    await recordEvents(db, [event('seven'), event('eight')])
    t.strictSame(await idsOf(db), ['five', 'six', 'seven', 'eight'], 'and those of the last seven days stay')
  })
})
