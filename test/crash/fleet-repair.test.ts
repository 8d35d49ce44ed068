// A migration of many organizations as it may go on a bad day: canaries first, three databases that cannot take it, the runner killed
// twice, and the rest done after repair. FLEET_TENANTS=1000 makes the long run, which also tells the times beside psql.
import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.js'
import { loadMigrations } from '../../src/registry/migration-files.js'
import { type FleetOrder, type FleetResult } from '../../src/tenancy/provisioner.js'
import { parallelPsql } from '../bench/parallel-psql.js'
import { after, before, type Fleet, makeFleet } from '../helpers/make-fleet.js'
import { MASTER_KEY } from '../helpers/provisioning-ground.js'

const tenants = Number(process.env['FLEET_TENANTS'] ?? 12)
const canary = 3
const share = Math.ceil(tenants * 0.3)
const looks = 5
const program = fileURLToPath(new URL('fleet-process.js', import.meta.url))
const execute = promisify(execFile)

t.setTimeout(120_000 + tenants * 2_000)

void t.test(`${tenants} organizations, three of them poisoned, the runner killed twice: all others are done, the three reported, and done after repair`, async (t) => {
  const fleet = await makeFleet(t, tenants)
  // The youngest are the canaries.
  const sick = [fleet.ids[3]!, fleet.ids[tenants >> 1]!, fleet.ids[tenants - canary - 1]!]
  for (const id of sick) await fleet.poison(id)

  await killed(t, fleet, { to: after, canary }, 'fleet-recorded', share)
  await killed(t, fleet, { resume: true }, 'fleet-file', share)
  const broken = await fleet.provisioner.migrateTenants({ resume: true })
  t.match(broken, { outcome: 'failed', left: 3, unreachable: [] })
  t.strictSame(broken.failed.map(({ tenantId }) => tenantId), [...sick].sort())
  t.strictSame(await fleet.versions(), [`3 at ${after - 1}`, `${tenants - 3} at ${after}`])
  t.match(await fleet.run(), { outcome: 'failed', failed: 3 })
  for (const id of sick) await fleet.cure(id)
  t.match(await fleet.provisioner.migrateTenants({ resume: true }), { outcome: 'done', migrated: 3, failed: [], left: 0 })
  t.strictSame(await fleet.versions(), [`${tenants} at ${after}`])
  for (const id of fleet.ids) {
    const files = await fleet.filesOf(id)
    t.ok(files.length === after && new Set(files).size === after, `${id} has each file once`)
  }
  await tellCommands(t, fleet)
  if (process.env['FLEET_TENANTS'] !== undefined) await tellTimes(t, fleet)
})

async function killed (t: Pick<Test, 'equal'>, fleet: Fleet, order: FleetOrder, step: string, nth: number): Promise<void> {
  const child: ChildProcess = fork(program, [fleet.registryUrl, JSON.stringify(order), step, String(nth)], { stdio: 'inherit' })
  const [code, signal] = await once(child, 'exit') as [number | null, string | null]
  t.equal(signal, 'SIGKILL', `killed at ${step}, the ${nth}. time, not ended with ${String(code)}`)
}

/** The list, and a migration with nothing to do: by the real command, and its work alone. */
async function tellCommands (t: Pick<Test, 'equal' | 'match' | 'comment'>, fleet: Fleet): Promise<void> {
  const env = { PATH: process.env['PATH'], NODE_ENV: 'test', LOG_LEVEL: 'silent', REGISTRY_DATABASE_URL: fleet.registryUrl, MASTER_KEY: MASTER_KEY.toString('base64') }
  const run = async (...args: string[]): Promise<{ answer: unknown, ms: number }> => {
    const begun = performance.now()
    const { stdout } = await execute(process.execPath, [join(packageRoot, 'dist/src/main.js'), ...args, '--json'], { env, maxBuffer: 64 * 2 ** 20 })
    return { answer: JSON.parse(stdout), ms: Math.round(performance.now() - begun) }
  }
  const list = await run('tenants', 'list')
  t.equal((list.answer as unknown[]).length, tenants)
  const idle = await run('migrate', 'tenants', '--to', String(after))
  const { tenants: result } = idle.answer as { tenants: FleetResult }
  t.match(result, { outcome: 'nothing to do', migrated: 0, left: 0 })
  const works: number[] = []
  while (works.length < looks) {
    const begun = performance.now()
    await fleet.provisioner.migrateTenants({ to: after })
    works.push(performance.now() - begun)
  }
  t.comment(`${tenants} tenants: list ${list.ms} ms with the command's start; nothing to migrate ${idle.ms} ms with the command's start, its work ${result.ms} ms, once more in a running process ${works.map((ms) => ms.toFixed(1)).join(', ')} ms`)
}

async function tellTimes (t: Pick<Test, 'comment' | 'match'> & Parameters<typeof makeFleet>[0], fleet: Fleet): Promise<void> {
  const goBack = async (): Promise<void> => {
    await fleet.sql.query('UPDATE tenants SET schema_version = $1', [after])
    t.match(await fleet.provisioner.migrateTenants({ to: before, down: true }), { outcome: 'done' })
    await fleet.admin.query('CHECKPOINT')
  }
  const peer = await parallelPsql({ adminUrl: fleet.adminUrl, defer: (close) => { t.teardown(async () => { await close() }) } }, fleet.ids.map((id) => `tenant_${id}`), loadMigrations('tenant').slice(before, after), 2 * availableParallelism())
  const ours: number[] = []
  const theirs: number[] = []
  for (let pair = 0; pair < 2; pair++) {
    await goBack()
    let begun = performance.now()
    t.match(await fleet.provisioner.migrateTenants({ to: after }), { outcome: 'done', migrated: tenants })
    ours.push((performance.now() - begun) / 1_000)
    await goBack()
    begun = performance.now()
    await peer.migrate()
    theirs.push((performance.now() - begun) / 1_000)
  }
  const told = (seconds: number[]): string => seconds.map((one) => one.toFixed(1)).join(', ')
  t.comment(`${tenants} tenants, ${after - before} files: ${told(ours)} s; ${peer.against}: ${told(theirs)} s`)
}
