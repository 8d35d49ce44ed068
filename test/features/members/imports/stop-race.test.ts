// A STOP and an import of the same person at the same time: whichever comes first, the person is opted out at the end.
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { fieldCrypto } from '../../../../src/crypto/fields.js'
import { optOut } from '../../../../src/features/members/opt-out.js'
import { type TenantDb } from '../../../../src/tenancy/tenant.js'
import { apiOf } from '../../../helpers/api.js'
import { buildTestApp } from '../../../helpers/build.js'
import { importCsv } from '../../../helpers/import.js'
import { type SignedUp } from '../../../helpers/sign-up.js'
import { until } from '../../../helpers/until.js'

const test = await buildTestApp(t)
const { app, services } = test
await test.startWorker()
const [member, stranger] = ['+16155550101', '+16155550102']
const csv = `phone,name,tags,opt in,opt in source\n${member},Ada Known,choir,yes,card\n${stranger},Bea New,choir,yes,card\n`

async function churchWithAda (): Promise<SignedUp> {
  const church = await test.signUp()
  await apiOf(app, church)('POST', '/members', { firstName: 'Ada', lastName: 'Known', phone: member })
  return church
}

const inTenant = async <T>({ tenantId }: SignedUp, work: (db: TenantDb) => Promise<T>): Promise<T> => await services.tenancy.withTenant(tenantId, work)

/** As a text with STOP does it; `before` the commit something else may happen. */
async function stop (church: SignedUp, phone: string, before: () => Promise<unknown> = async () => undefined): Promise<void> {
  const phoneHash = fieldCrypto(services.keyring, church.tenantId).blindIndex(phone)
  await inTenant(church, async (db) => await db.transaction().execute(async (trx) => {
    await optOut(trx, { phoneHash, source: 'keyword', evidence: { words: 'STOP' } })
    await before()
  }))
}

/** Resolves when this many transactions of the organization's database wait for another's lock. */
async function waiting (church: SignedUp, count: number): Promise<void> {
  await until(async () => await inTenant(church, async (db) => {
    const { rows: [row] } = await sql<{ waiting: number }>`SELECT count(DISTINCT pid)::integer AS waiting FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(db)
    return (row?.waiting ?? 0) >= count
  }))
}

async function statesOf (church: SignedUp): Promise<Record<string, string>> {
  const { items } = (await apiOf(app, church)<{ items: Array<{ phone: string, optInState: string }> }>('GET', '/members')).body
  return Object.fromEntries(items.map(({ phone, optInState }) => [phone, optInState]))
}

void t.test('a STOP under way when the batch begins is waited for: no opt-in after it, of a member or of someone new', async (t) => {
  for (const phone of [member, stranger]) {
    const church = await churchWithAda()
    let importing: ReturnType<typeof importCsv> | undefined
    await stop(church, phone, async () => {
      importing = importCsv(app, church, csv)
      await waiting(church, 1)
    })
    const { report } = await importing!
    t.strictSame(report, phone === member ? ['2,updated,opted_out_stays', '3,created,'] : ['2,updated,', '3,created,opted_out_stays'])
    t.equal((await statesOf(church))[phone], 'opted_out')
  }
})

void t.test('a STOP that comes while the batch is written waits for it, and counts', async (t) => {
  for (const phone of [member, stranger]) {
    const church = await churchWithAda()
    let importing: ReturnType<typeof importCsv> | undefined
    let stopping: Promise<void> | undefined
    // The batch has read what everybody said, and wants to make the tag that this transaction is about to make and does not.
    await inTenant(church, async (db) => await db.transaction().execute(async (trx) => {
      await trx.insertInto('tags').values({ name: 'choir' }).execute()
      importing = importCsv(app, church, csv)
      await waiting(church, 1)
      stopping = stop(church, phone)
      await waiting(church, 2)
      await sql`DELETE FROM tags`.execute(trx)
    }))
    const { report } = await importing!
    await stopping
    t.strictSame(report, ['2,updated,', '3,created,'], 'the import was first')
    t.equal((await statesOf(church))[phone], 'opted_out')
    const words = await inTenant(church, async (db) => await db.selectFrom('consent_logs').select('action')
      .where('phone_hash', '=', fieldCrypto(services.keyring, church.tenantId).blindIndex(phone)).orderBy('id').execute())
    t.strictSame(words.map(({ action }) => action), ['granted', 'withdrawn'])
  }
})

void t.test('sixty STOPs during an import of three thousand with evidence: sixty are opted out, everybody else is opted in, nothing waits for ever', async (t) => {
  const church = await test.signUp()
  const phones = Array.from({ length: 3_000 }, (_, n) => `+1615${2_000_000 + n}`)
  const stopped = phones.filter((_, n) => n % 50 === 0)
  const importing = importCsv(app, church, `phone,name\n${phones.map((phone, n) => `${phone},Ann ${n}`).join('\n')}`, { optInSource: 'Card' }, 30_000)
  for (const phone of stopped) {
    await stop(church, phone)
    await pause(10)
  }
  const { ended } = await importing
  t.match(ended, { status: 'completed', counts: { created: 3_000 } })
  // Once more: what the first import made is there, and whoever has said STOP stays out.
  await importCsv(app, church, `phone,name\n${phones.map((phone, n) => `${phone},Ann ${n}`).join('\n')}`, { optInSource: 'Card', whenExists: 'overwrite' }, 30_000)
  const out = await inTenant(church, async (db) => await db.selectFrom('members').select(['phone_hash', 'opt_in_state']).execute())
  const fields = fieldCrypto(services.keyring, church.tenantId)
  const wanted = new Set(stopped.map((phone) => fields.blindIndex(phone).toString('hex')))
  for (const { phone_hash: hash, opt_in_state: state } of out) {
    if (state !== (wanted.has(hash.toString('hex')) ? 'opted_out' : 'opted_in')) t.fail(`${state} ${String(wanted.has(hash.toString('hex')))}`)
  }
  t.equal(out.length, 3_000)
})
