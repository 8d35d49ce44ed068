// Who runs the organization, as every admin of it may read.
import t from 'tap'
import { type Colleague } from '../../../src/features/admins/schemas.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'

interface Page { items: Colleague[], nextCursor: string | null }

const test = await buildTestApp(t)
const church = await test.signUp('church', { firstName: 'Ruth', lastName: 'miller' })
const other = await test.signUp('studio')
const api = apiOf(test.app, church)

await test.services.tenancy.withTenant(church.tenantId, async (db) => {
  const common = { password_hash: '$argon2id$secret', role: 'staff' as const }
  await db.insertInto('admins').values([
    { ...common, email: 'zoe@example.org', first_name: 'Zoe', last_name: 'Miller' },
    { ...common, email: 'ada@example.org', first_name: 'Ada', last_name: 'Zuma', role: 'co_admin', status: 'disabled' },
    { ...common, email: 'eve@example.org', first_name: 'Eve', last_name: 'Adams' }
  ]).execute()
})

await t.test('the admins come in pages by name, each once, with what assigning a conversation needs and no secret', async (t) => {
  const seen: Colleague[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const { status, body }: { status: number, body: Page } = await api<Page>('GET', `/admins?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`)
    t.equal(status, 200)
    seen.push(...body.items)
    cursor = body.nextCursor
  }
  t.same(seen.map(({ firstName, role, status }) => [firstName, role, status]), [['Eve', 'staff', 'active'], ['Ruth', 'primary', 'active'], ['Zoe', 'staff', 'active'], ['Ada', 'co_admin', 'disabled']])
  t.same(seen[1], { id: church.admin.id, email: church.email, firstName: 'Ruth', lastName: 'miller', role: 'primary', status: 'active' })
  for (const one of seen) t.same(Object.keys(one).sort(), ['email', 'firstName', 'id', 'lastName', 'role', 'status'])
  t.same((await api<Page>('GET', '/admins')).body, { items: seen, nextCursor: null })
})

await t.test('it is for signed-in admins of the organization, whatever their role, and a cursor is its own', async (t) => {
  t.equal((await test.app.inject('/api/admins')).statusCode, 401)
  t.equal((await api('GET', '/admins?cursor=x')).code, 'CURSOR_INVALID')
  const { body: { nextCursor } } = await api<Page>('GET', '/admins?limit=1')
  t.equal((await apiOf(test.app, other)('GET', `/admins?cursor=${nextCursor ?? ''}`)).code, 'CURSOR_INVALID')
  t.same((await apiOf(test.app, other)<Page>('GET', '/admins')).body.items.map(({ id }) => id), [other.admin.id])
  await test.services.tenancy.withTenant(other.tenantId, async (db) => { await db.updateTable('admins').set({ role: 'staff' }).execute() })
  t.equal((await apiOf(test.app, other)('GET', '/admins')).status, 200)
})
