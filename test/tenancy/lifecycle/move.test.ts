// Moving an organization to another server: read all the while, every accepted write kept, equal by checksums, whenever the process dies.
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { Problem } from '../../../src/errors.js'
import { moveSaga } from '../../../src/tenancy/lifecycle/move-tenant.js'
import { type TenantDb, type TenantId } from '../../../src/tenancy/tenant.js'
import { killTogether } from '../../helpers/kill-together.js'
import { makeTenant, openOperations } from '../../helpers/operations-ground.js'
import { connect, makeRegistry } from '../../helpers/provisioning-ground.js'
import { twoServers } from '../../helpers/second-server.js'
import { until } from '../../helpers/until.js'
import { checksumDatabase } from '../../isolation/checksum-database.js'

t.setTimeout(600_000)

const sweep = new AbortController().signal
const asked = { requestedBy: 'tests' }
const { TENANT_SERVERS, west } = await twoServers(t)

const registry = await makeRegistry(t)
const files = t.testdir()
const open = () => openOperations(t, registry.registryUrl, files, { TENANT_SERVERS })
const mover = await open()
const other = await open()
const westAdmin = await connect(west)
t.teardown(() => westAdmin.end())
await mover.provisioner.recordServers()

const addTag = (db: TenantDb, name: string) => db.insertInto('tags').values({ name }).execute()
const countTags = async (db: TenantDb) => (await db.selectFrom('tags').select(sql<number>`count(*)::int`.as('n')).executeTakeFirstOrThrow()).n
const write = (id: TenantId, name: string) => other.tenancy.withTenant(id, (db) => addTag(db, name))
const checksums = (id: TenantId) => other.tenancy.withTenant(id, checksumDatabase)
const isMoving = (error: unknown): boolean => error instanceof Problem && error.code === 'TENANT_MOVING' && error.status === 503 && (error.retryAfter ?? 0) > 0

async function where (id: TenantId) {
  const { rows: [row] } = await registry.sql.query<Record<string, unknown>>(`SELECT s.name AS server, t.status, (SELECT string_agg(status, ',' ORDER BY id) FROM tenant_operations WHERE tenant_id = t.id) AS operations
    FROM tenants t JOIN database_servers s ON s.id = t.server_id WHERE t.id = $1`, [id])
  const there = async (admin: typeof westAdmin): Promise<number> =>
    (await admin.query('SELECT FROM pg_database WHERE datname = $1 UNION ALL SELECT FROM pg_roles WHERE rolname = $1', [`tenant_${id}`])).rows.length
  return { ...row, east: await there(registry.admin), west: await there(westAdmin) }
}

const moved = { server: 'west', status: 'active', operations: 'done', east: 0, west: 2 }
const undone = { server: 'east', status: 'active', operations: 'undone', east: 2, west: 0 }

/** On east, with rows of many types, some of them awkward. */
async function settle (name = 'Grace Chapel'): Promise<TenantId> {
  const id = await makeTenant(mover, name)
  await mover.tenancy.withTenant(id, async (db) => {
    await sql`
      INSERT INTO members (first_name, last_name, phone_cipher, phone_hash, email, birthday, custom, opt_in_state)
      SELECT 'Å' || i, E'O''Neil\\t\\\\N\\n🙏', decode(md5(i::text), 'hex'), sha256(i::text::bytea), nullif('m' || i, 'm3'), date '2000-02-29' + i, jsonb_build_object('n', i / 3.0, 'z', null), 'pending'
      FROM generate_series(1, 300) i`.execute(db)
    await sql`INSERT INTO sessions (family_id, admin_id, token_hash, expires_at, ip) SELECT uuidv7(), id, sha256('x'), 'infinity', '2001:db8::1' FROM admins`.execute(db)
    await sql`INSERT INTO audit_log (actor_kind, action, subject_kind, before, created_at) SELECT 'system', 'tests', 'none', '{"a": [1.50, "\\u00e5"]}', 'epoch'::timestamptz + i * interval '1.000001 s' FROM generate_series(1, 50) i`.execute(db)
    await sql`INSERT INTO phone_numbers (number, capabilities) VALUES ('+16155550100', ARRAY['sms', 'a,"b'])`.execute(db)
    await sql`INSERT INTO messages (kind, text, from_number, media_ids, local_date, local_time) VALUES ('broadcast', 'hi', '+16155550100', ARRAY[uuidv7()], '2026-11-01', '01:30')`.execute(db)
    await sql`INSERT INTO message_recipients (message_id, phone_hash, phone_cipher, parts, encoding, price_cents) SELECT m.id, sha256(i::text::bytea), '\\x00', 1, 'gsm7', 0.4500 FROM messages m, generate_series(1, 200) i`.execute(db)
    await sql`INSERT INTO send_buckets (name, tokens, filled_at) VALUES ('campaign', 1e-300, '-infinity')`.execute(db)
    await sql`INSERT INTO events (type, data) VALUES ('message.progress', '{}'), ('message.received', '{}')`.execute(db)
  })
  return id
}

async function perform (id: TenantId): Promise<void> {
  await mover.operations.perform(moveSaga, id, { to: 'west' }, asked)
}

async function openWest (): Promise<void> {
  await registry.sql.query('UPDATE database_servers SET state = \'open\' WHERE name = \'west\'')
}

/** West takes nobody meanwhile: it is the emptier. */
async function makeOnEast (name?: string): Promise<TenantId> {
  await registry.sql.query('UPDATE database_servers SET state = \'draining\' WHERE name = \'west\'')
  const id = await settle(name)
  await openWest()
  return id
}

await t.test('every table is equal afterwards, sequences go on, and the old server has nothing left of it', async (t) => {
  const id = await makeOnEast()
  const before = await checksums(id)
  t.ok(Object.keys(before).length > 25)
  await perform(id)
  t.strictSame(await where(id), moved)
  t.strictSame(await checksums(id), before)
  await other.tenancy.withTenant(id, async (db) => {
    await sql`INSERT INTO events (type, data) VALUES ('message.progress', '{}')`.execute(db)
    t.match((await sql<{ id: string }>`SELECT max(id) AS id FROM events`.execute(db)).rows, [{ id: '6' }], 'numbers go on where they were')
    t.match((await sql`SELECT FROM pg_class WHERE relname = 'tags' AND reltuples >= 0`.execute(db)).rows.length, 1, 'the planner has statistics')
    await t.rejects(sql`DELETE FROM audit_log`.execute(db), /append-only/, 'triggers are at work again')
    await t.rejects(sql`INSERT INTO member_tags VALUES (uuidv7(), uuidv7())`.execute(db), { code: '23503' }, 'and foreign keys')
  })
  t.match(await mover.provisioner.reconcile(), { orphansDropped: [], findings: [] })
})

await t.test('while it is moved every read is answered, and each write is either kept or refused with TENANT_MOVING', async (t) => {
  const id = await makeOnEast()
  const over = new AbortController()
  const accepted: string[] = []
  const odd: unknown[] = []
  let [reads, refused] = [0, 0]
  const reader = async ({ tenancy }: typeof mover): Promise<void> => {
    while (!over.signal.aborted) {
      await tenancy.withTenant(id, countTags).then(() => { reads++ }, (error: unknown) => { odd.push(error) })
      await pause(3)
    }
  }
  const writer = async ({ tenancy }: typeof mover, who: string): Promise<void> => {
    for (let n = 0; !over.signal.aborted; n++) {
      const name = `${who} ${n}`
      try {
        await tenancy.withTenant(id, async (db) => {
          if (n % 2 === 0) await addTag(db, name)
          else await db.transaction().execute((trx) => addTag(trx, name))
        })
        accepted.push(name)
      } catch (error) {
        if (isMoving(error)) refused++
        else odd.push(error)
      }
      await pause(3)
    }
  }
  const traffic = [reader(mover), reader(other), writer(other, 'a'), writer(other, 'b'), writer(mover, 'c')]
  await pause(300)
  await perform(id)
  const atEnd = accepted.length
  await until(async () => accepted.length > atEnd + 20)
  over.abort()
  await Promise.all(traffic)
  t.strictSame(odd, [])
  t.ok(refused > 0 && reads > 50 && atEnd > 10)
  const kept = await other.tenancy.withTenant(id, (db) => db.selectFrom('tags').select('name').execute())
  t.strictSame(kept.map(({ name }) => name).sort(), accepted.sort(), 'no accepted write is lost, no refused one is there')
  t.strictSame(await where(id), moved)
})

await t.test('whoever still writes when the limit is over is cut off, and nothing of that is there afterwards', async (t) => {
  const id = await makeOnEast()
  const lease = await other.tenancy.lease(id)
  const written = lease.db.transaction().execute(async (trx) => {
    await addTag(trx, 'too late')
    await sql`SELECT pg_sleep(60)`.execute(trx)
  })
  const failed = t.rejects(written)
  await perform(id)
  await failed
  lease.release()
  t.equal(await other.tenancy.withTenant(id, countTags), 0)
  t.strictSame(await where(id), moved)
})

await t.test('a copy that fails is taken back: it is where it was and takes writes, and the other server has nothing of it', async (t) => {
  const id = await makeOnEast()
  await mover.tenancy.withTenant(id, (db) => sql`CREATE TABLE unknown_to_migrations (id integer)`.execute(db))
  await write(id, 'before')
  await t.rejects(perform(id), { code: 'TENANT_OPERATION_FAILED', message: /as it was before/ })
  t.strictSame(await where(id), undone)
  await until(() => write(id, 'after').then(() => true, (error: unknown) => { if (isMoving(error)) return false; throw error }))
  t.equal(await other.tenancy.withTenant(id, countTags), 2)
})

await t.test('what can\'t be moved is refused before anything is done', async (t) => {
  const id = await makeOnEast()
  const to = (server: string) => mover.operations.perform(moveSaga, id, { to: server }, asked)
  await t.rejects(to('nowhere'), { code: 'SERVER_UNSUITABLE' })
  await t.rejects(to('east'), { code: 'SERVER_UNSUITABLE' })
  await registry.sql.query('UPDATE database_servers SET state = \'draining\' WHERE name = \'west\'')
  await t.rejects(to('west'), { code: 'SERVER_UNSUITABLE' })
  await openWest()
  await registry.sql.query('UPDATE tenants SET status = \'archived\' WHERE id = $1', [id])
  await t.rejects(to('west'), { code: 'TENANT_STATUS_CONFLICT' })
  t.match(await where(id), { server: 'east', operations: null, west: 0 })
})

await t.test('a suspended one is moved, and stays suspended', async (t) => {
  const id = await makeOnEast()
  await mover.provisioner.suspend(id)
  await perform(id)
  t.match(await where(id), { ...moved, status: 'suspended' })
  await mover.provisioner.resume(id)
  await until(() => write(id, 'again').then(() => true, () => false))
})

const before = ['target-made:did', 'target-made', 'read-only', 'writes-refused:did', 'writes-refused', 'copied:did', 'copied']
const after = ['switched:did', 'switched', 'database-dropped', 'role-dropped', 'source-dropped:did', 'source-dropped', 'done']

/** Each in the midst of its move, at its point, with nobody at work on it. */
async function killedAt (t: Test, points: readonly string[]): Promise<Array<{ id: TenantId, point: string, sums: unknown }>> {
  const moves = []
  for (const point of points) {
    const id = await makeOnEast()
    moves.push({ id, point, sums: await checksums(id) })
  }
  await killTogether(t, { sql: registry.sql, args: [registry.registryUrl, files, TENANT_SERVERS] }, moves.map(({ id, point }) => ({ tenantId: id, kind: 'move', point })))
  for (const { id, point } of moves) t.equal(await other.tenancy.withTenant(id, countTags), 0, `${point}: it can be read`)
  return moves
}

await t.test('killed at every step, the next sweep finishes the move: equal, whole, and on one server only', async (t) => {
  const moves = await killedAt(t, [...before, ...after])
  await other.operations.runDue(sweep)
  for (const { id, point, sums } of moves) {
    t.strictSame(await where(id), moved, point)
    t.strictSame(await checksums(id), sums, point)
    await until(() => write(id, 'after').then(() => true, () => false))
  }
})

await t.test('killed before the switch, it can be taken back at every step: it takes writes where it was', async (t) => {
  for (const { id, point } of await killedAt(t, before.slice(0, -1))) {
    await other.operations.takeBack('move', id)
    t.strictSame(await where(id), undone, point)
    await until(() => write(id, 'after').then(() => true, () => false))
  }
})
