// The last three files of the tenants' schema applied to many databases, beside psql in parallel on the same SQL; and a run with nothing to do.
import { availableParallelism } from 'node:os'
import pg from 'pg'
import { loadMigrations } from '../../../src/registry/migration-files.js'
import { openProvisioner } from '../../helpers/provisioning-ground.js'
import { type Bench, inPairs, type Row } from '../bench.js'
import { type Finding } from '../finding.js'
import { parallelPsql } from '../parallel-psql.js'

export const fleetMigration: Row = { name: 'fleet-migration', about: 'three files applied to 100 databases (or --databases), and nothing to do for as many; beside psql in parallel on the same SQL', run }

const files = 3
const atOnce = 2 * availableParallelism()

async function run (bench: Bench): Promise<Finding[]> {
  const databases = bench.databases ?? 100
  const registryUrl = await bench.makeRegistry()
  const { provisioner, registry } = await openProvisioner({ teardown: bench.defer }, registryUrl, { SPARE_TENANTS: databases })
  bench.say(`making ${databases} tenant databases`)
  await provisioner.refillSpares()
  const sql = new pg.Client({ connectionString: registryUrl })
  await sql.connect()
  bench.defer(() => sql.end())
  await sql.query(`WITH made AS (INSERT INTO organizations (kind, name, email, trial_ends_at) SELECT 'church', id, id || '@bench.example', now() FROM tenants RETURNING id, name)
    UPDATE tenants SET status = 'active', organization_id = made.id FROM made WHERE made.name = tenants.id`)
  const names = (await registry.db.selectFrom('tenants').select('database_name').execute()).map(({ database_name: name }) => name)
  const known = loadMigrations('tenant')
  const newest = known.length

  /** All back where they were, and the disk quiet, outside of what is measured. */
  const goBack = async (): Promise<void> => {
    await sql.query('UPDATE tenants SET schema_version = $1', [newest])
    const { outcome } = await provisioner.migrateTenants({ to: newest - files, down: true })
    if (outcome !== 'done') throw new Error(`The databases did not go back: ${outcome}`)
    await sql.query('CHECKPOINT')
  }
  const ours = async (): Promise<number> => {
    await goBack()
    const begun = performance.now()
    const { migrated } = await provisioner.migrateTenants()
    if (migrated !== databases) throw new Error(`${migrated} of ${databases} were migrated`)
    return performance.now() - begun
  }
  const { psql, against, migrate } = await parallelPsql({ adminUrl: bench.postgres.adminUrl, defer: bench.defer }, names, known.slice(-files), atOnce)
  const theirs = async (): Promise<number> => {
    await goBack()
    const begun = performance.now()
    await migrate()
    return performance.now() - begun
  }
  const pairs = await inPairs(bench, ours, theirs, (ms) => `${Math.round(ms)} ms`)
  await sql.query('UPDATE tenants SET schema_version = $1', [newest])
  const idle: number[] = []
  for (let n = 0; n <= bench.runs; n++) {
    const begun = performance.now()
    await provisioner.migrateTenants()
    idle.push(performance.now() - begun)
  }
  return [{
    row: 'fleet-migration',
    work: `${files} files to ${databases} databases, ${atOnce} at a time`,
    against,
    unit: 'ms',
    ...pairs,
    goal: { atMost: 1.1 },
    notes: [`each tenant claimed and recorded in the registry; ${psql ?? 'the psql binary is not installed: skipped, pg\'s own client takes its place'}`]
  }, { row: 'fleet-migration', work: `nothing to do for ${databases}`, unit: 'ms', ours: idle.slice(1), goal: { atMost: 100 }, notes: ['one query of the registry'] }]
}
