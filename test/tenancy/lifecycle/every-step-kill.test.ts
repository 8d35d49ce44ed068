// kill -9 before, in and after the steps of every operation there is, and of its undoing, but where an operation's own test does it:
// finished or taken back, nothing lost, nothing orphaned.
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { archiveTenant, restoreArchived } from '../../../src/tenancy/lifecycle/request-archive.js'
import { requestDeletion } from '../../../src/tenancy/lifecycle/request-deletion.js'
import { type Saga } from '../../../src/tenancy/lifecycle/saga.js'
import { sagas } from '../../../src/tenancy/lifecycle/sagas.js'
import { type Death, killTogether } from '../../helpers/kill-together.js'
import { openOperations } from '../../helpers/operations-ground.js'
import { tenantIn, traces } from '../../helpers/operation-traces.js'
import { connect, databaseUrl, makeRegistry } from '../../helpers/provisioning-ground.js'
import { twoServers } from '../../helpers/second-server.js'
import { contentsOf } from '../../helpers/tenant-contents.js'
import { until } from '../../helpers/until.js'
import { performOf } from './perform-of.js'

t.setTimeout(600_000)

const sweep = new AbortController().signal
const asked = { requestedBy: 'tests' }

type Ground = Awaited<ReturnType<typeof tenantIn>>
interface Traces { status: string, recorded: number, files: number, on?: 'east' | 'west' | 'nowhere', copies?: number }

interface Kind {
  /** What performOf calls it, if not as the saga is called. */
  ask?: string
  /** What there is before. */
  prepare?: (g: Ground) => Promise<unknown>
  /** What is written then and is gone when it is done. */
  since?: string
  /** Points within its steps. */
  within: string[]
  /** The last point from where it can be taken back, and points within the undoing. */
  failAt?: string
  withinUndo?: string[]
  done: Traces
  undone?: Traces
}

const active = { status: 'active', recorded: 0, files: 0 }
const backedUp = { ...active, recorded: 1, files: 1 }
const archived: Traces = { status: 'archived', recorded: 1, files: 1, on: 'nowhere' }
const deleted: Traces = { status: 'deleted', recorded: 0, files: 0, on: 'nowhere' }
const backUp = (g: Ground) => performOf(g.opened, 'backup', g.id)
const archive = (g: Ground) => archiveTenant(g.opened.forFiles, g.id, asked)
const built = ['created', 'migrated', 'filled']
const dropped = ['database-dropped', 'role-dropped']
const made = ['role-created', 'database-creating', 'database-created', 'database-owned', 'database-migrated']

/** Of one that was deleted since: all there is of it is a file of the operator's. */
async function keepOnlyAFile (g: Ground): Promise<void> {
  const { key } = await archive(g)
  await copyFile(join(g.files, 'backups', key), join(g.files, `${g.id}.koinonia`))
  await requestDeletion(g.opened.operations, g.id, { at: new Date(), now: true, ...asked })
  await g.opened.operations.runDue(sweep)
}

const kinds: Record<string, Kind[]> = {
  delete: [{ prepare: backUp, within: ['database-dropped#1', 'role-dropped'], failAt: 'begun:did', done: deleted, undone: backedUp }],
  archive: [{ within: ['writing', ...built, ...dropped], failAt: 'proved:did', done: archived, undone: active }],
  restore: [
    { prepare: archive, within: built, failAt: 'built:did', withinUndo: dropped, done: backedUp, undone: archived },
    { ask: 'restore-file', prepare: keepOnlyAFile, within: ['bringing'], failAt: 'built:did', done: backedUp, undone: deleted }
  ],
  backup: [{ prepare: backUp, within: ['writing', 'file-removed'], failAt: 'written:did', done: backedUp, undone: backedUp }],
  verify: [{ prepare: backUp, within: built, failAt: 'compared:did', done: backedUp, undone: backedUp }],
  revert: [{ prepare: backUp, since: 'A branch', within: built, failAt: 'exchanged:did', done: backedUp, undone: backedUp }],
  move: [{ within: [...made, 'read-only', ...dropped], failAt: 'copied:did', withinUndo: dropped, done: { ...active, on: 'west' }, undone: active }],
  rotate: [{ within: [], done: active }],
  clone: [{ within: made, failAt: 'admin-made:did', withinUndo: ['undo-begun', ...dropped, 'row-deleted'], done: { ...active, copies: 1 }, undone: active }]
}

const words = (text: string): string[] => text.split(' ')

/** What the tests of these operations kill them at, so that nothing is killed twice. */
const elsewhere: Record<string, string[]> = {
  delete: words('begun:did begun routes-removed:did routes-removed media-removed:did media-removed copies-removed:did copies-removed database-dropped#1 role-dropped database-dropped:did done'),
  move: words('target-made:did target-made read-only writes-refused:did writes-refused copied:did copied switched:did switched database-dropped role-dropped source-dropped:did source-dropped done'),
  rotate: words('password-changed:did password-changed done'),
  clone: words('registered:did registered database-made:did database-made copied:did copied admin-made:did admin-made')
}

/** Names from the saga itself, so that a step that is new is killed too. */
function deathsOf ({ steps }: Saga, { within, failAt, withinUndo = [] }: Kind): Array<{ point: string, failAt?: string }> {
  // Where a point within has the step's own name, the step is recorded the second time that it is heard.
  const recorded = (name: string): string => within.includes(`${name}#1`) ? `${name}#2` : name
  const forward = ['admitted', ...within, ...steps.flatMap(({ name }) => [`${name}:did`, recorded(name)]), 'done'].map((point) => ({ point }))
  if (failAt === undefined) return forward
  const last = steps.findIndex(({ name }) => `${name}:did` === failAt)
  const undos = steps.slice(0, last + 1).filter(({ undo }) => undo !== undefined).map(({ name }) => `undo:${name}`)
  return [...forward, ...['undoing', ...withinUndo, ...undos, 'undone'].map((point) => ({ point, failAt }))]
}

const { TENANT_SERVERS, west } = await twoServers(t)
const ground = await makeRegistry(t)
const files = t.testdir()
const here = { ground, files, opened: await openOperations(t, ground.registryUrl, files, { TENANT_SERVERS }) }
await here.opened.provisioner.recordServers()
const setWest = (state: string) => ground.sql.query('UPDATE database_servers SET state = $1 WHERE name = \'west\'', [state])
await setWest('draining')
const westAdmin = await connect(west)
t.teardown(() => westAdmin.end())

async function found (g: Ground) {
  const { databases, roles, mayLogIn, ...rest } = await traces(g)
  const name = `tenant_${g.id}`
  const { rows: inWest } = await westAdmin.query('SELECT datname AS name FROM pg_database WHERE datname = $1 UNION ALL SELECT rolname FROM pg_roles WHERE rolname = $1', [name])
  const { rows: [copies] } = await ground.sql.query<{ n: number }>('SELECT count(*)::int AS n FROM organizations WHERE name = $1', [`Copy of ${g.id}`])
  const there = { east: databases.includes(name) && roles === 1 && mayLogIn === true, west: inWest.length === 2 }
  const nowhere = !databases.includes(name) && roles === 0 && inWest.length === 0
  const on = nowhere ? 'nowhere' : there.east && inWest.length === 0 ? 'east' : there.west && roles === 0 && !databases.includes(name) ? 'west' : 'both, or half'
  return { ...rest, on, copies: copies?.n, strange: databases.filter((database) => database !== name) }
}

const addBranch = (g: Ground, name: string) => here.opened.tenancy.withTenant(g.id, (db) => db.insertInto('branches').values({ name }).execute())

/** The branches that a request finds, once what was remembered of the tenant is forgotten. */
async function served (g: Ground): Promise<string[]> {
  return await until(() => here.opened.tenancy.withTenant(g.id, async (db) => (await db.selectFrom('branches').select('name').execute()).map(({ name }) => name)).catch(() => undefined))
}

const wantedOf = ({ on = 'east', copies = 0, ...rest }: Traces) => ({ ...rest, on, copies, strange: [], unfinished: 0, spooled: 0 })

t.strictSame(Object.keys(kinds).sort(), sagas.map(({ kind }) => kind).sort(), 'every operation there is')
for (const saga of sagas) {
  const points = (kinds[saga.kind] ?? []).flatMap((kind) => deathsOf(saga, kind).map(({ point }) => point))
  t.strictSame((elsewhere[saga.kind] ?? []).filter((point) => !points.includes(point)), [], `${saga.kind} has every point that is named`)
}

for (const saga of sagas) {
  for (const kind of kinds[saga.kind] ?? []) {
    const name = kind.ask ?? saga.kind
    await t.test(`${name}, killed at each point that no test of its own has, ends whole, or as if it had never been`, async (t) => {
      const all: Array<{ g: Ground, death: Death }> = []
      for (const death of deathsOf(saga, kind).filter(({ point }) => elsewhere[name]?.includes(point) !== true)) {
        const g = await tenantIn(here)
        await kind.prepare?.(g)
        if (kind.since !== undefined) await addBranch(g, kind.since)
        all.push({ g, death: { tenantId: g.id, kind: name, ...death } })
      }
      // Only what is moved goes there; what is made and restored would too.
      if (saga.kind === 'move') await setWest('open')
      await killTogether(t, { sql: ground.sql, args: [ground.registryUrl, files, TENANT_SERVERS] }, all.map(({ death }) => death))
      await Promise.all([1, 2, 3].map(() => here.opened.operations.runDue(sweep)))
      await setWest('draining')
      for (const { g, death } of all) {
        const wanted = wantedOf(death.failAt === undefined ? kind.done : kind.undone ?? kind.done)
        const what = `${name} killed at ${death.point}${death.failAt === undefined ? '' : ', being taken back'}`
        t.strictSame(await found(g), wanted, what)
        if (wanted.status === 'archived') await restoreArchived(here.opened.forFiles, g.id, undefined, asked)
        if (wanted.status === 'deleted') continue
        const since = death.failAt === undefined ? undefined : kind.since
        t.strictSame(await served(g), since === undefined ? [] : [since], what)
        if (since === undefined) t.strictSame(await contentsOf(databaseUrl(wanted.on === 'west' ? west : ground.adminUrl, `tenant_${g.id}`)), g.wanted, what)
      }
      const { rows: [row] } = await ground.sql.query<object>('SELECT count(*)::int AS half FROM tenants WHERE status = \'creating\'')
      t.strictSame(row, { half: 0 })
      t.match(await here.opened.provisioner.reconcile(), { orphansDropped: [], findings: [], undone: [] }, name)
    })
  }
}
