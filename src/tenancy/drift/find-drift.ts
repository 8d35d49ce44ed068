// Compares every tenant's real schema with that of its version, several at a time on each server, and changes nothing.
import { escapeIdentifier } from 'pg'
import { loadMigrations } from '../../registry/migration-files.js'
import { laneWidth } from '../fleet/lane-width.js'
import { errorText } from '../fleet/migrate-claimed.js'
import { type Provisioning } from '../provisioning.js'
import { type Tenant } from '../tenant.js'
import { selectTenants, toTenant } from '../tenant-rows.js'
import { compareSchemas } from './compare-schemas.js'
import { readSchema } from './read-schema.js'
import { ReferenceSchemas } from './reference-schemas.js'

export interface Drift {
  tenantId: string
  server: string
  database: string
  version: number
  /** What would bring the database to what its version says, without semicolons. */
  ddl: string[]
}

export interface DriftReport {
  /** Databases that were compared. */
  checked: number
  drifted: Drift[]
  /** Could not be compared. */
  failed: Array<{ tenantId: string, server: string, error: string }>
  /** At a version that only newer code knows. */
  ahead: string[]
}

export interface DriftOptions {
  /** Databases at a time on each server, instead of twice the cores. */
  concurrency?: number
  onProgress?: (done: number, total: number) => void
}

export async function findDrift (work: Provisioning, { concurrency, onProgress = () => undefined }: DriftOptions): Promise<DriftReport> {
  const rows = await selectTenants(work.registry).where('tenants.status', 'in', ['spare', 'active', 'suspended']).orderBy('tenants.created_at').execute()
  const known = loadMigrations('tenant').length
  const tenants = rows.map(toTenant)
  const queue = tenants.filter(({ schemaVersion }) => schemaVersion <= known)
  const report: DriftReport = { checked: 0, drifted: [], failed: [], ahead: tenants.filter(({ schemaVersion }) => schemaVersion > known).map(({ id }) => id) }
  const references = new ReferenceSchemas(work)
  let done = 0
  const check = async (tenant: Tenant): Promise<void> => {
    try {
      const ddl = await driftOf(work, references, tenant)
      report.checked++
      if (ddl.length > 0) report.drifted.push({ tenantId: tenant.id, server: tenant.server.name, database: tenant.databaseName, version: tenant.schemaVersion, ddl })
    } catch (error) {
      report.failed.push({ tenantId: tenant.id, server: tenant.server.name, error: errorText(error) })
    }
    onProgress(++done, queue.length)
  }
  const servers = [...new Set(queue.map(({ server }) => server.name))]
  await Promise.all(servers.map((name) =>
    inLanes(queue.filter(({ server }) => server.name === name), work.servers.names.includes(name) ? laneWidth(work, name, concurrency ?? null) : 1, check)))
  return report
}

/** The statements that would mend one tenant's database; none when it is as its version says. Throws PostgreSQL's errors. */
export async function driftOf (work: Provisioning, references: ReferenceSchemas, tenant: Tenant): Promise<string[]> {
  const { server, databaseName, roleName } = tenant
  const expected = await references.at(server.name, tenant.schemaVersion)
  const real = await work.servers.connect(server.name, (inside) => readSchema(inside, roleName), databaseName)
  return compareSchemas(expected, real).map((statement) =>
    statement.replaceAll('{tenant}', escapeIdentifier(roleName)).replaceAll('{database}', escapeIdentifier(databaseName)))
}

async function inLanes<T> (items: T[], width: number, use: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await use(item)
  }))
}
