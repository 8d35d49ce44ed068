// Fills a tenant's database on one server from its database on another, proved equal table by table before anything counts.
import { type ClientBase, escapeIdentifier } from 'pg'
import { applyMigrationsTo } from '../../registry/apply-migrations.js'
import { type Provisioning } from '../provisioning.js'
import { allowActingAs } from '../roles.js'
import { type Tenant } from '../tenant.js'
import { type ReadOptions, readDatabase } from './copy/read-database.js'
import { writeDatabase } from './copy/write-database.js'

/** One transaction there: a second try finds it empty, or full, and begins anew. @throws CopyDiffers; PostgreSQL's errors */
export async function copyDatabase (work: Pick<Provisioning, 'servers' | 'log'>, { from, to }: { from: Tenant, to: Tenant }, options: ReadOptions): Promise<void> {
  await work.servers.connect(from.server.name, async (source) => {
    await work.servers.connect(to.server.name, async (target) => {
      await actAs(source, from)
      await actAs(target, to)
      await makeAlike(work, source, target)
      await writeDatabase(target, readDatabase(source, options), options.signal)
    }, to.databaseName)
  }, from.databaseName)
}

/** The administrator's connection does as the tenant's role would, which owns everything. */
export async function actAs (client: ClientBase, { roleName }: Pick<Tenant, 'roleName'>): Promise<void> {
  await allowActingAs(client, roleName)
  await client.query(`SET ROLE ${escapeIdentifier(roleName)}`)
}

/** A request may have had the one migrated since the other was made. */
async function makeAlike ({ log }: Pick<Provisioning, 'log'>, source: ClientBase, target: ClientBase): Promise<void> {
  const wanted = await appliedFiles(source)
  if (await appliedFiles(target) === wanted) return
  await applyMigrationsTo(target, 'tenant', log, wanted.split(', ').length)
  if (await appliedFiles(target) !== wanted) throw new Error('The database has another schema than this code makes. Bring it up to date first: koinonia migrate')
}

async function appliedFiles (client: ClientBase): Promise<string> {
  const { rows: [row] } = await client.query<{ names: string | null }>('SELECT string_agg(name, \', \' ORDER BY name) AS names FROM pgmigrations')
  return row?.names ?? ''
}
