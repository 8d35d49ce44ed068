// A staging copy: no original phone number or address is anywhere in it, it can text no one, and the original is as it was.
import { sql } from 'kysely'
import t from 'tap'
import { emailHash } from '../../../src/crypto/email-hash.js'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { cloneSaga, newClone } from '../../../src/tenancy/lifecycle/clone/clone-tenant.js'
import { type TenantDb, type TenantId } from '../../../src/tenancy/tenant.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { type Death, killTogether } from '../../helpers/kill-together.js'
import { makeTenant, openOperations } from '../../helpers/operations-ground.js'
import { makeRegistry, marked } from '../../helpers/provisioning-ground.js'
import { twoServers } from '../../helpers/second-server.js'
import { seedOrganization } from '../../helpers/seed-organization.js'
import { until } from '../../helpers/until.js'
import { checksumDatabase } from '../../isolation/checksum-database.js'

t.setTimeout(400_000)

const asked = { requestedBy: 'tests' }

/** Every value of every column, as text, and whatever bytes decrypt to. */
async function everyValue (db: TenantDb, decrypt: (cipher: Buffer) => string): Promise<Array<{ where: string, text: string, bytes: Buffer | undefined }>> {
  const { rows: columns } = await sql<{ table: string, column: string, bytes: boolean }>`
    SELECT c.relname AS table, a.attname AS column, a.atttypid = 'bytea'::regtype AS bytes FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped`.execute(db)
  const values: Awaited<ReturnType<typeof everyValue>> = []
  for (const { table, column, bytes } of columns) {
    const where = `${table}.${column}`
    const { rows } = await sql<{ value: string | Buffer }>`SELECT ${sql.ref(column)}${bytes ? sql`` : sql`::text`} AS value FROM ${sql.table(table)} WHERE ${sql.ref(column)} IS NOT NULL`.execute(db)
    for (const { value } of rows) {
      if (typeof value === 'string') values.push({ where, text: value, bytes: undefined })
      else values.push({ where, text: attempt(() => decrypt(value)) ?? '', bytes: value })
    }
  }
  return values
}

function attempt (read: () => string): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

await t.test('nothing of the original\'s people can be read or reached in the copy, on another server too, and the original is untouched', async (t) => {
  const { TENANT_SERVERS } = await twoServers(t)
  const app = await buildTestApp(t, { carrier: true, config: { TENANT_SERVERS, RATE_LIMIT_PER_MINUTE: 100_000 } })
  const worker = await app.startWorker()
  const { organization, api, members, number, textIn } = await seedOrganization(app, 'church', 'Amber')
  const { services } = app
  const { tenancy, operations, keyring } = services
  const original = organization.tenantId
  const texts = async () => (await tenancy.withTenant(original, (db) => db.selectFrom('conversation_messages').select('id').where('direction', '=', 'inbound').execute())).length
  const before = await texts()
  await textIn(members[1]?.phone ?? '', 'Call me at (615) 555-7788 or 6155557799, or write to ada.private@mail.example.com')
  await textIn(members[2]?.phone ?? '', 'STOP')
  await until(async () => await texts() === before + 2)
  await api('PATCH', `/members/${members[0]?.id ?? ''}`, { custom: { parent: 'Bea, +1 615 555 7700', pew: 7, phone: 6155557711, mail: 'bea@example.org' } })
  await api('POST', '/messages', { text: 'Later, says office@church.example', to: { all: true }, sendAt: new Date(Date.now() + 86_400_000).toISOString() })
  await until(async () => (await tenancy.withTenant(original, (db) => db.selectFrom('message_queue').select('phone_hash').execute())).length === 0)
  // What the carrier still reports of the last texts would change the original meanwhile.
  await worker.stop()
  const sums = await tenancy.withTenant(original, checksumDatabase)

  for (const to of [undefined, 'west']) {
    const state = newClone(keyring, { name: 'Amber (staging)', email: `staging${to ?? ''}@koinonia.example`, passwordHash: await services.passwords.hash('a long phrase of words'), to, now: new Date() })
    await operations.perform(cloneSaga, original, state, asked)
    const copy = state.tenantId as TenantId
    t.strictSame(await tenancy.withTenant(original, checksumDatabase), sums, 'the original is as it was')

    const originals = fieldCrypto(keyring, original)
    const copies = fieldCrypto(keyring, copy)
    const secrets = [...members.map(({ phone }) => phone), number, '+16155557788', '+16155557799', '+16155557700', '+16155557711']
    const addresses = ['example.org', 'mail.example.com', 'church.example']
    const hashes = secrets.flatMap((phone) => [originals.blindIndex(phone), copies.blindIndex(phone)])
    const values = await tenancy.withTenant(copy, (db) => everyValue(db, copies.decrypt))
    t.ok(values.length > 150)
    const found = values.filter(({ text, bytes }) => secrets.some((phone) => text.replace(/[^0-9]/g, '').includes(phone.slice(2))) || addresses.some((address) => text.includes(address)) ||
      (bytes !== undefined && (hashes.some((hash) => hash.equals(bytes)) || attempt(() => originals.decrypt(bytes)) !== undefined)))
    t.strictSame(found.map(({ where, text }) => [where, text]), [])
    const foundThere = (await tenancy.withTenant(original, (db) => everyValue(db, originals.decrypt))).filter(({ text }) => secrets.some((phone) => text.includes(phone)))
    t.ok(foundThere.length >= 8, 'the same search finds them in the original')

    await tenancy.withTenant(copy, async (db) => {
      for (const table of ['message_queue', 'phone_numbers', 'recurring_messages', 'sessions', 'idempotency_keys', 'media_files', 'dead_letter_queue', 'audit_log', 'events'] as const) {
        t.strictSame(await db.selectFrom(table).select(sql`1`.as('one')).execute(), [], table)
      }
      const people = await db.selectFrom('members').select(['phone_cipher', 'phone_hash', 'opt_in_state', 'email']).execute()
      t.strictSame(people.map(({ opt_in_state: consent }) => consent).sort(), ['opted_out', 'pending', 'pending'])
      for (const { phone_cipher: cipher, phone_hash: hash } of people) {
        const phone = copies.decrypt(cipher)
        t.match(phone, /^\+999[0-9]{9}$/)
        t.ok(copies.blindIndex(phone).equals(hash), 'it can be found by its number')
      }
      t.strictSame((await db.selectFrom('messages').select('id').where('status', 'in', ['scheduled', 'sending', 'paused']).execute()), [], 'nothing is about to leave')
      t.match(await db.selectFrom('consent_logs').select(['action', 'topic']).execute(), [{ action: 'withdrawn', topic: 'messages' }])
    })
    const signedIn = await app.app.inject({ method: 'POST', url: '/api/auth/login', payload: { email: state.email, password: 'a long phrase of words' } })
    t.equal(signedIn.statusCode, 200)
    const { accessToken, tenantId } = signedIn.json<{ accessToken: string, tenantId: string }>()
    t.equal(tenantId, copy)
    const there = apiOf(app.app, { headers: { authorization: `Bearer ${accessToken}` } })
    t.equal((await there<{ items: unknown[] }>('GET', '/members')).body.items.length, 3)
    t.equal((await there<{ items: unknown[] }>('GET', '/conversations')).body.items.length, (await api<{ items: unknown[] }>('GET', '/conversations')).body.items.length)
    t.equal((await there('POST', '/messages', { text: 'Hello', to: { all: true } })).status, 409, 'it has nobody to text, and no number to do it from')
    t.equal((await operations.tenant(copy)).server.name, to ?? (await operations.tenant(original)).server.name)
    t.match((await operations.list({ tenantId: original, unfinishedOnly: false, limit: 1 }))[0]?.state, { sealedPasswordHash: '' }, 'no password is kept in the registry')
  }
})

await t.test('a table or column that nobody has decided about is not copied: nothing of the copy is left', async (t) => {
  const registry = await makeRegistry(t)
  const opened = await openOperations(t, registry.registryUrl, t.testdir())
  const id = await makeTenant(opened)
  const clone = () => opened.operations.perform(cloneSaga, id, newClone(opened.keyring, { name: 'Copy', email: 'other@example.org', passwordHash: 'none', to: undefined, now: new Date() }), asked)
  for (const [change, undo] of [['ALTER TABLE members ADD COLUMN other_phone text', 'ALTER TABLE members DROP COLUMN other_phone'], ['CREATE TABLE callers (phone text)', 'DROP TABLE callers']] as const) {
    await opened.tenancy.withTenant(id, (db) => sql.raw(change).execute(db))
    await t.rejects(clone(), { code: 'TENANT_OPERATION_FAILED', message: /clone-rules\.ts/ })
    const { rows } = await registry.sql.query('SELECT (SELECT count(*)::int FROM tenants) AS tenants, (SELECT count(*)::int FROM organizations) AS organizations, (SELECT count(*)::int FROM admin_email_index) AS emails')
    t.strictSame(rows, [{ tenants: 1, organizations: 1, emails: 1 }])
    await opened.tenancy.withTenant(id, (db) => sql.raw(undo).execute(db))
  }
  await clone()
  const sameAdmin = newClone(opened.keyring, { name: 'Copy', email: ` ${id.toUpperCase()}@Example.org`, passwordHash: 'none', to: undefined, now: new Date() })
  await registry.sql.query('UPDATE admin_email_index SET email_hash = $1 WHERE tenant_id = $2', [emailHash(opened.keyring, `${id}@example.org`), id])
  await t.rejects(opened.operations.perform(cloneSaga, id, sameAdmin, asked), { code: 'TENANT_STATUS_CONFLICT', message: /Give the copy another/ })
})

await t.test('killed at every step it is taken back without a trace, or finished by the next sweep', async (t) => {
  const registry = await makeRegistry(t)
  const files = t.testdir()
  const opened = await openOperations(t, registry.registryUrl, files)
  const left = async () => {
    const { rows: [row] } = await registry.sql.query<Record<string, number>>('SELECT (SELECT count(*)::int FROM tenants WHERE status = \'active\') AS active, (SELECT count(*)::int FROM tenants) AS tenants, (SELECT count(*)::int FROM organizations) AS organizations, (SELECT count(*)::int FROM admin_email_index) AS emails')
    const { rows: [identity] } = await registry.sql.query<{ id: string }>('SELECT id FROM registry_identity')
    return { ...row, databases: (await marked(registry.admin, identity!.id)).length }
  }
  const all = (count: number) => ({ active: count, tenants: count, organizations: count, emails: count, databases: count })
  const deaths: Death[] = []
  for (const point of ['registered:did', 'registered', 'database-made:did', 'database-made', 'copied:did', 'copied', 'admin-made:did', 'admin-made']) deaths.push({ tenantId: await makeTenant(opened), kind: 'clone', point })
  const kill = () => killTogether(t, { sql: registry.sql, args: [registry.registryUrl, files] }, deaths)
  await kill()
  t.match(await opened.provisioner.reconcile(), { undone: [], orphansDropped: [] }, 'what is being made is left alone')
  for (const { tenantId } of deaths) await opened.operations.takeBack('clone', tenantId as TenantId)
  t.strictSame(await left(), all(deaths.length))
  await kill()
  await opened.operations.runDue(new AbortController().signal)
  t.strictSame(await left(), all(2 * deaths.length))
})
