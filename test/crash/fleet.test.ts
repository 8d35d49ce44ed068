// kill -9 of a runner at every step of a fleet migration, and at random moments: the next one goes on, and no database is half done.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { checkFleet } from '../../src/cli/check-fleet.js'
import { type FleetOrder } from '../../src/tenancy/provisioner.js'
import { type FleetStep } from '../../src/tenancy/provisioning.js'
import { after, before, type Fleet, makeFleet } from '../helpers/make-fleet.js'

const program = fileURLToPath(new URL('fleet-process.js', import.meta.url))

t.setTimeout(240_000)

const start = (fleet: Fleet, order: FleetOrder, ...death: string[]): ChildProcess => fork(program, [fleet.registryUrl, JSON.stringify(order), ...death], { stdio: 'inherit' })

async function endOf (child: ChildProcess): Promise<string> {
  const [code, signal] = await once(child, 'exit') as [number | null, string | null]
  return signal ?? String(code)
}

/** Every database has just the files that it is to have, each once, and the registry says so. */
async function whole (t: Pick<Test, 'strictSame' | 'equal'>, fleet: Fleet, what: string): Promise<void> {
  t.strictSame(await fleet.versions(), [`${fleet.ids.length} at ${after}`], what)
  for (const id of fleet.ids) t.equal(new Set(await fleet.filesOf(id)).size, (await fleet.filesOf(id)).length, what)
  const { rows } = await fleet.sql.query('SELECT FROM tenants WHERE migration_owner IS NOT NULL OR migration_status = \'running\'')
  t.equal(rows.length, 0, `${what}: nothing is left in anybody's hands`)
}

void t.test('kill -9 at every step: the next run goes on, resumes the same run, and every tenant is migrated once', async (t) => {
  const fleet = await makeFleet(t, 5)
  const deaths: Array<[FleetStep, number]> = [
    ['fleet-begun', 1], ['fleet-claimed', 1], ['fleet-claimed', 4], ['fleet-file', 1], ['fleet-file', 5], ['fleet-advanced', 2], ['fleet-recorded', 1], ['fleet-recorded', 5], ['fleet-canaries', 1]
  ]
  for (const [step, nth] of deaths) {
    const what = `killed at ${step}, the ${nth}. time`
    t.equal(await endOf(start(fleet, { to: after, canary: 1 }, step, String(nth))), 'SIGKILL', what)
    const { rows: [open] } = await fleet.sql.query<{ id: string }>('SELECT id FROM fleet_migrations WHERE finished_at IS NULL')
    const result = await fleet.provisioner.migrateTenants({ resume: true })
    if (result.outcome !== 'nothing to do') t.match(result, { run: open!.id, outcome: 'done', failed: [], left: 0 }, what)
    await whole(t, fleet, what)
    await fleet.provisioner.migrateTenants({ to: before, down: true })
    await fleet.sql.query('DELETE FROM fleet_migrations')
  }
})

void t.test('one of two runners killed: the other takes over what was in its hands', async (t) => {
  const fleet = await makeFleet(t, 8)
  const dying = start(fleet, { to: after, concurrency: 2 }, 'fleet-file', '3')
  const [end, result] = await Promise.all([endOf(dying), fleet.provisioner.migrateTenants({ to: after, concurrency: 1 })])
  // The other may have been done before this one had three files.
  t.ok(end === 'SIGKILL' || end === '0')
  t.match(result, { outcome: 'done', left: 0 })
  await whole(t, fleet, 'after the other was killed')
})

void t.test('the doctor names a run that was cut off, until it has been gone on with', async (t) => {
  const fleet = await makeFleet(t, 2)
  await endOf(start(fleet, { to: after }, 'fleet-claimed'))
  const cutOff = async () => (await checkFleet({ registry: fleet.registry.db })).map(({ state, next }) => ({ state, next }))
  t.strictSame(await cutOff(), [], 'for a minute it may still be alive')
  await fleet.sql.query('UPDATE fleet_migrations SET heard_at = now() - interval \'2 minutes\'')
  t.strictSame(await cutOff(), [{ state: 'failed', next: 'Go on with it: koinonia migrate tenants --resume' }])
  await fleet.provisioner.migrateTenants({ resume: true })
  t.strictSame(await cutOff(), [])
  await whole(t, fleet, 'gone on with')
})

void t.test('killed again and again at random moments, a run comes to its end', async (t) => {
  const fleet = await makeFleet(t, 10)
  for (let killed = 0; killed < 4; killed++) {
    const runner = start(fleet, { to: after })
    const end = endOf(runner)
    setTimeout(() => runner.kill('SIGKILL'), 450 + Math.random() * 250)
    await end
  }
  t.match(await fleet.provisioner.migrateTenants({ to: after }), { failed: [], left: 0 })
  await whole(t, fleet, 'after four deaths')
})
