// `koinonia doctor --drift`: where a tenant's schema is not what its version says, as the DDL that would mend it.
import { type Drift, type DriftReport, findDrift } from '../tenancy/drift/find-drift.js'
import { databasesBar } from './databases-bar.js'
import { asOperator } from './operator.js'

/** The exit code: 1 when a database has drifted, or could not be compared. */
export async function examineDrift (options: { json?: true, concurrency?: number }): Promise<number> {
  const { onProgress, stop } = databasesBar('Comparing', options.json === true)
  const { concurrency } = options
  const report = await asOperator(async ({ provisioner }) => await findDrift(provisioner.work, { onProgress, ...(concurrency === undefined ? {} : { concurrency }) }).finally(stop))
  const healthy = report.drifted.length + report.failed.length === 0
  console.log(options.json === true ? JSON.stringify({ healthy, ...report }, null, 2) : describe(report))
  return healthy ? 0 : 1
}

function describe ({ checked, drifted, failed, ahead }: DriftReport): string {
  const lines = drifted.map(describeOne)
  lines.push(...failed.map(({ tenantId, server, error }) => `-- ${tenantId} on ${server} could not be compared: ${error}`))
  if (ahead.length > 0) lines.push(`-- ${ahead.length} are at versions that only newer code knows, and were not compared: ${ahead.join(', ')}`)
  const verdict = drifted.length === 0 ? `${checked} databases compared, all as their versions say.` : `${drifted.length} of ${checked} databases are not what their versions say. Read each line before you run it.`
  return [...lines, `-- ${verdict}`].join('\n')
}

function describeOne ({ tenantId, server, database, version, ddl }: Drift): string {
  return [`-- Tenant ${tenantId} on ${server}, version ${version}. In its database:`, `\\connect ${database}`, ...ddl.map((statement) => statement.startsWith('--') ? statement : `${statement};`), ''].join('\n')
}
