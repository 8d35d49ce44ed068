import t from 'tap'
import { type Branch } from '../../../src/features/branches/schemas.js'
import { type Member } from '../../../src/features/members/schemas.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'

void t.test('branches', async (t) => {
  const { app, services, signUp } = await buildTestApp(t)
  const church = await signUp()
  const api = apiOf(app, church)

  const { status, body: north } = await api<Branch>('POST', '/branches', { name: ' North ', address: '12 Main Street', timeZone: 'America/Denver' })
  t.equal(status, 201)
  t.match(north, { name: 'North', address: '12 Main Street', timeZone: 'America/Denver', isActive: true, memberCount: 0 })
  t.equal((await api('POST', '/branches', { name: 'NORTH' })).code, 'BRANCH_NAME_TAKEN')
  t.equal((await api('POST', '/branches', { name: 'West', timeZone: '+05:00' })).code, 'VALIDATION_FAILED')
  const { body: east } = await api<Branch>('POST', '/branches', { name: 'east' })

  await t.test('they are listed by name, and counted without those who were deleted', async (t) => {
    const { body: member } = await api<Member>('POST', '/members', { firstName: 'A', lastName: 'B', phone: '6155550100', branchIds: [north.id, east.id, east.id] })
    const { body: leaver } = await api<Member>('POST', '/members', { firstName: 'A', lastName: 'C', phone: '6155550101', branchIds: [north.id] })
    await api('DELETE', `/members/${leaver.id}`)
    const { body } = await api<{ items: Branch[] }>('GET', '/branches')
    t.same(body.items.map(({ name, memberCount }) => [name, memberCount]), [['east', 1], ['North', 1]])
    t.same(member.branches.map(({ name }) => name), ['east', 'North'])
    const { body: first } = await api<{ items: Branch[], nextCursor: string }>('GET', '/branches?limit=1')
    const { body: second } = await api<{ items: Branch[], nextCursor: null }>('GET', `/branches?limit=1&cursor=${first.nextCursor}`)
    t.same([first.items[0]?.name, second.items[0]?.name, second.nextCursor], ['east', 'North', null])
  })

  await t.test('a change names what it changes', async (t) => {
    t.match((await api('PATCH', `/branches/${north.id}`, { address: null, isActive: false })).body, { name: 'North', address: null, timeZone: 'America/Denver', isActive: false })
    t.equal((await api('PATCH', `/branches/${north.id}`, { name: 'EAST' })).code, 'BRANCH_NAME_TAKEN')
    t.equal((await api('PATCH', `/branches/${church.admin.id}`, { name: 'x' })).code, 'BRANCH_NOT_FOUND')
    t.equal((await api('GET', `/branches/${church.admin.id}`)).code, 'BRANCH_NOT_FOUND')
  })

  await t.test('deleting one keeps its members', async (t) => {
    t.equal((await api('DELETE', `/branches/${east.id}`)).status, 204)
    t.equal((await api('DELETE', `/branches/${east.id}`)).code, 'BRANCH_NOT_FOUND')
    const { body: { items: [member] } } = await api<{ items: Member[] }>('GET', '/members?search=6155550100')
    t.same(member?.branches.map(({ name }) => name), ['North'])
  })

  await t.test('who did what is on record', async (t) => {
    const log = await services.tenancy.withTenant(church.tenantId, async (db) => await db.selectFrom('audit_log').select(['action', 'actor_id', 'request_id'])
      .where('subject_kind', '=', 'branch').orderBy('id').execute())
    t.same(log.map(({ action }) => action), ['branch.created', 'branch.created', 'branch.changed', 'branch.deleted'])
    t.ok(log.every(({ actor_id: actor, request_id: request }) => actor === church.admin.id && request !== null))
  })
})
