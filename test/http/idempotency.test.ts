// A POST with an Idempotency-Key is done once, however often and from wherever it is sent.
import t from 'tap'
import { apiOf } from '../helpers/api.js'
import { buildTestApp } from '../helpers/build.js'

const { app, services, signUp } = await buildTestApp(t)
const { headers, tenantId, admin } = await signUp()
const api = apiOf(app, { headers })
const tag = async (name: string, key: string, more = headers) => await app.inject({ method: 'POST', url: '/api/tags', payload: { name }, headers: { ...more, 'idempotency-key': key } })
const count = async (): Promise<number> => (await api<{ items: unknown[] }>('GET', '/tags')).body.items.length

void t.test('asking again with the same key gets the same answer, and nothing is made twice', async (t) => {
  const first = await tag('choir', 'one')
  const second = await tag('choir', 'one')
  t.match([first.statusCode, second.statusCode], [201, 201])
  t.equal(second.body, first.body)
  t.match([first.headers['idempotency-replayed'], second.headers['idempotency-replayed']], [undefined, 'true'])
  t.equal(second.headers['content-type'], first.headers['content-type'])
  t.equal(await count(), 1)
})

void t.test('the same key with another body is refused, and the first answer stays', async (t) => {
  t.match((await tag('ushers', 'one')).json(), { status: 422, code: 'IDEMPOTENCY_KEY_REUSED' })
  t.equal((await tag('choir', 'one')).statusCode, 201)
})

void t.test('of ten at the same time one is done; the others get its answer, or are told to wait', async (t) => {
  const before = await count()
  const answers = await Promise.all(Array.from({ length: 10 }, () => tag('youth', 'two')))
  for (const answer of answers) {
    if (answer.statusCode === 409) t.match(answer.json(), { code: 'IDEMPOTENCY_KEY_IN_USE' })
    else t.equal(answer.statusCode, 201)
  }
  t.equal(new Set(answers.filter(({ statusCode }) => statusCode === 201).map(({ body }) => body)).size, 1)
  t.equal(await count(), before + 1)
})

void t.test('a refusal frees the key, so the corrected request goes through under it', async (t) => {
  t.match((await tag('choir', 'three')).json(), { status: 409, code: 'TAG_NAME_TAKEN' })
  t.equal((await tag('elders', 'three')).statusCode, 201)
  t.equal((await tag(' ', 'four')).statusCode, 400)
  t.equal((await tag('greeters', 'four')).statusCode, 201)
})

void t.test('after a failure of ours the key stays taken, for nobody knows what was done', async (t) => {
  await services.tenancy.withTenant(tenantId, async (db) => { await db.schema.alterTable('tags').renameTo('tags_away').execute() })
  t.equal((await tag('lost', 'five')).statusCode, 500)
  await services.tenancy.withTenant(tenantId, async (db) => { await db.schema.alterTable('tags_away').renameTo('tags').execute() })
  t.match((await tag('lost', 'five')).json(), { status: 409, code: 'IDEMPOTENCY_KEY_IN_USE' })
  t.equal((await tag('lost', 'six')).statusCode, 201)
})

void t.test('the same key of another admin, or on another route, is another key', async (t) => {
  const hash = await services.passwords.hash('wheat and barley 22')
  const email = 'naomi@example.org'
  await services.tenancy.withTenant(tenantId, async (db) => {
    await db.insertInto('admins').values({ email, password_hash: hash, first_name: 'Naomi', last_name: 'Miller', role: 'staff' }).execute()
  })
  const other = await services.tenancy.withTenant(tenantId, async (db) => {
    const { id } = await db.selectFrom('admins').select('id').where('email', '=', email).executeTakeFirstOrThrow()
    const session = await db.insertInto('sessions')
      .values({ admin_id: id, family_id: id, token_hash: Buffer.alloc(32, 1), expires_at: new Date(Date.now() + 60_000) }).returning('family_id').executeTakeFirstOrThrow()
    return app.jwt.sign({ tid: tenantId, sub: id, sid: session.family_id, role: 'staff' })
  })
  t.match((await tag('choir', 'one', { authorization: `Bearer ${other}` })).json(), { status: 409, code: 'TAG_NAME_TAKEN' })
  const branch = await app.inject({ method: 'POST', url: '/api/branches', payload: { name: 'North' }, headers: { ...headers, 'idempotency-key': 'one' } })
  t.equal(branch.statusCode, 201, branch.body)
  t.type(admin.id, 'string')
})

void t.test('a key must be visible ASCII, and is for POST alone', async (t) => {
  for (const key of ['', 'a b', 'x'.repeat(256), 'é']) t.match((await tag('x', key)).json(), { status: 400, code: 'VALIDATION_FAILED', errors: [{ path: '/headers/idempotency-key' }] }, key)
  t.equal((await app.inject({ url: '/api/tags', headers: { ...headers, 'idempotency-key': 'one' } })).statusCode, 200)
})

void t.test('what is kept of an answer can\'t be read in the database', async (t) => {
  const rows = await services.tenancy.withTenant(tenantId, async (db) => await db.selectFrom('idempotency_keys').selectAll().execute())
  t.ok(rows.length > 0)
  t.notMatch(JSON.stringify(rows), /choir|youth/)
})
