// What an export keeps to: nobody twice or left out over its pages, no connection held, columns and time within limits.
import { sql } from 'kysely'
import { type Readable } from 'node:stream'
import { text as readText } from 'node:stream/consumers'
import t from 'tap'
import { fieldCrypto } from '../../../../src/crypto/fields.js'
import { apiOf } from '../../../helpers/api.js'
import { buildTestApp } from '../../../helpers/build.js'
import { type SignedUp } from '../../../helpers/sign-up.js'
import { addMembers } from '../../../helpers/tenant-database.js'

let minutesLater = 0
const clock = { now: () => new Date(Date.now() + minutesLater * 60_000) }
// One connection for each organization: whoever holds it keeps the others of that organization out.
const test = await buildTestApp(t, { clock, config: { DATABASE_CONNECTIONS_PER_TENANT: 1, DATABASE_WAIT_MS: 1_000 } })
const { app, services } = test

const many = 2_345

async function churchWithMany (): Promise<SignedUp> {
  const church = await test.signUp()
  await services.tenancy.withTenant(church.tenantId, async (db) => {
    await addMembers({ db, fields: fieldCrypto(services.keyring, church.tenantId) }, many)
    // Rows long enough that they do not all wait in the buffers of the stream.
    await sql`UPDATE members SET custom = jsonb_build_object('note', repeat('x', 500))`.execute(db)
  })
  return church
}

async function beginReading (church: SignedUp): Promise<{ stream: Readable, beginning: string }> {
  const response = await app.inject({ url: '/api/members/export', headers: church.headers, payloadAsStream: true })
  const stream = response.stream()
  const beginning = await new Promise<string>((resolve) => {
    stream.once('readable', () => { resolve(String(stream.read())) })
  })
  return { stream, beginning }
}

void t.test('every member is in it once, over page after page, and the one connection is free while the caller takes their time', async (t) => {
  const church = await churchWithMany()
  const { stream, beginning } = await beginReading(church)
  t.match(await apiOf(app, church)('GET', '/members?limit=1'), { status: 200 })
  const lines = (beginning + await readText(stream)).split('\r\n').slice(1, -1)
  t.equal(lines.length, many)
  t.equal(new Set(lines.map((line) => line.split(',')[0])).size, many)
  t.strictSame(lines, [...lines].sort((one, other) => (one.split(',')[2] ?? '').localeCompare(other.split(',')[2] ?? '')))
})

void t.test('a caller who takes longer than a quarter of an hour gets the beginning, and can tell that it is not all', async (t) => {
  const { stream } = await beginReading(await churchWithMany())
  t.teardown(() => { minutesLater = 0 })
  minutesLater = 16
  await t.rejects(readText(stream))
})

void t.test('the hundred and fifty fields that most members have are columns, the rarest are left out', async (t) => {
  const church = await test.signUp()
  await services.tenancy.withTenant(church.tenantId, async (db) => {
    await addMembers({ db, fields: fieldCrypto(services.keyring, church.tenantId) }, 20)
    // The n-th member has the first n times 8 of 160 fields, so that each is rarer than the one before, or as rare.
    await sql`UPDATE members m SET custom = (SELECT jsonb_object_agg('f' || lpad(n::text, 3, '0'), 'x') FROM generate_series(1, 8 * ranked.place) n)
      FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM members) ranked WHERE ranked.id = m.id`.execute(db)
  })
  const { body } = await app.inject({ url: '/api/members/export', headers: church.headers })
  const own = (body.split('\r\n')[0] ?? '').split(',').filter((name) => name.startsWith('custom.'))
  t.strictSame(own, Array.from({ length: 150 }, (_, n) => `custom.f${String(n + 1).padStart(3, '0')}`))
})
