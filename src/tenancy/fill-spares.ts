// Keeps tenant databases ready before anybody signs up, so many on each open server, at the current schema.
import { createId } from '@paralleldrive/cuid2'
import { sql } from 'kysely'
import { createDatabase, updateOwn } from './create-database.js'
import { discardUnwanted } from './discard-spares.js'
import { type Provisioning, STEP_LEASE_SECONDS } from './provisioning.js'
import { newRow } from './reserve-tenant.js'
import { currentSchemaVersion } from './schema-version.js'
import { isOpen, openServers } from './servers.js'
import { type DatabaseServer, type Tenant, type TenantId } from './tenant.js'
import { selectTenants, toTenant } from './tenant-rows.js'
import { undoTenant } from './undo-tenant.js'

/** Held in the registry while one process counts the spares and adds a row for the next. */
const SPARE_LOCK = 4_801_520_079

/**
 * Makes spares until each open server has `wanted`, counting those that other processes are making; first drops those on servers
 * that take nobody and brings those of an older schema up to date. A server that fails is logged and counted, and does not keep the others from being served.
 */
export async function fillSpares (work: Provisioning, wanted: number): Promise<{ made: number, failed: number }> {
  const unwanted = await discardUnwanted(work)
  const renewed = await renewOutdated(work)
  let [made, failed] = [renewed.renewed, renewed.failed + unwanted.failed]
  for (const server of await openServers(work.registry, work.servers.names)) {
    try {
      for (let spare = await registerSpare(work, server, wanted); spare !== undefined; spare = await registerSpare(work, server, wanted)) {
        await finishSpare(work, spare)
        made++
      }
    } catch (error) {
      work.log.error({ err: error, server: server.name }, 'a spare tenant database could not be made')
      failed++
    }
  }
  return { made, failed }
}

async function registerSpare (work: Provisioning, server: DatabaseServer, wanted: number): Promise<Tenant | undefined> {
  return await work.registry.transaction().execute(async (trx) => {
    await sql`SELECT pg_advisory_xact_lock(${SPARE_LOCK})`.execute(trx)
    if (!await isOpen(trx, server.id)) return undefined
    const { rows: [count] } = await sql<{ spares: number }>`
      SELECT count(*)::integer AS spares FROM tenants
      WHERE server_id = ${server.id} AND organization_id IS NULL
        AND ((status = 'spare' AND schema_version >= ${currentSchemaVersion()}) OR
             (status = 'creating' AND provisioning_expires_at > now() AND provisioning_owner NOT LIKE 'undo:%'))`.execute(trx)
    if ((count?.spares ?? 0) >= wanted) return undefined
    const id = createId() as TenantId
    await trx.insertInto('tenants').values(newRow(work, id, server, null)).execute()
    return toTenant(await selectTenants(trx).where('tenants.id', '=', id).executeTakeFirstOrThrow())
  })
}

async function finishSpare (work: Provisioning, registered: Tenant): Promise<void> {
  await work.onStep('registered', registered.id)
  try {
    const tenant = await createDatabase(work, registered)
    await updateOwn(work, tenant, { status: 'spare', provisioning_owner: null, provisioning_expires_at: null })
    work.log.info({ tenantId: tenant.id, server: tenant.server.name }, 'spare tenant database made')
  } catch (error) {
    await undoTenant(work, registered, 'own').catch((undoError: unknown) => {
      work.log.warn({ err: undoError, tenantId: registered.id }, 'the remains of a failed spare are left to the reconciler')
    })
    throw error
  }
}

/** Spares made before the last migration are not given out: each is taken out of the line, migrated and put back, or discarded. */
export async function renewOutdated (work: Provisioning): Promise<{ renewed: number, failed: number }> {
  let [renewed, failed] = [0, 0]
  for (let spare = await takeOutdated(work); spare !== undefined; spare = await takeOutdated(work)) {
    try {
      await finishSpare(work, spare)
      renewed++
    } catch (error) {
      work.log.error({ err: error, tenantId: spare.id }, 'a spare of an older schema could not be migrated and is discarded')
      failed++
    }
  }
  return { renewed, failed }
}

async function takeOutdated (work: Provisioning): Promise<Tenant | undefined> {
  const { rows: [row] } = await sql<{ id: string }>`
    UPDATE tenants SET status = 'creating', provisioning_owner = ${work.owner},
      provisioning_expires_at = now() + make_interval(secs => ${STEP_LEASE_SECONDS}), updated_at = now()
    WHERE id = (
      SELECT t.id FROM tenants t JOIN database_servers s ON s.id = t.server_id
      WHERE t.status = 'spare' AND t.schema_version < ${currentSchemaVersion()} AND s.state IN ('open', 'full') AND s.name = ANY(${work.servers.names})
      ORDER BY t.created_at FOR UPDATE OF t SKIP LOCKED LIMIT 1)
    RETURNING id`.execute(work.registry)
  if (row === undefined) return undefined
  return toTenant(await selectTenants(work.registry).where('tenants.id', '=', row.id).executeTakeFirstOrThrow())
}
