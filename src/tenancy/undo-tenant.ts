// Takes back a tenant that never became active: organization first, so nobody sees half a sign-up, the registry's row last.
import { sql } from 'kysely'
import { type ClientBase, escapeIdentifier } from 'pg'
import { type RegistryDb } from '../registry/db.js'
import { type Provisioning, STEP_LEASE_SECONDS } from './provisioning.js'
import { ownershipMark, roleMark } from './roles.js'
import { TENANT_LOCK, withAdvisoryLock } from './server-administration.js'
import { type Tenant } from './tenant.js'

/** The server has a role or database of this name that this registry did not make: nothing of it was touched. */
export class NotOurs extends Error {
  override readonly name = 'NotOurs'
}

/** `own`: the row of this process, however fresh; otherwise only one whose owner has let its time pass. */
export type UndoClaim = 'own' | 'expired'

/**
 * False when there is nothing to take back: the row is gone, active, or somebody else's and still fresh.
 * A failure leaves a row that the next attempt, after its time, goes on with.
 * @throws NotOurs; PostgreSQL's errors; Problem DATABASE_BUSY, DATABASE_UNAVAILABLE
 */
export async function undoTenant (work: Provisioning, tenant: Pick<Tenant, 'id' | 'databaseName' | 'roleName'> & { server: { name: string } }, claim: UndoClaim): Promise<boolean> {
  if (!await beginUndo(work, tenant.id, claim)) return false
  await work.onStep('undo-begun', tenant.id)
  await work.servers.connect(tenant.server.name, (client) => dropFromServer(work, client, tenant))
  await work.registry.deleteFrom('tenants').where('id', '=', tenant.id).where('status', '=', 'creating').where('provisioning_owner', '=', undoOwner(work)).execute()
  await work.onStep('row-deleted', tenant.id)
  return true
}

const undoOwner = (work: Provisioning): string => `undo:${work.owner}`

/** From here on the sign-up can't be activated: its owner is another. */
async function beginUndo (work: Provisioning, id: string, claim: UndoClaim): Promise<boolean> {
  return await work.registry.transaction().execute(async (trx) => {
    const claimed = await sql<{ organization_id: string | null }>`
      UPDATE tenants SET organization_id = NULL, provisioning_owner = ${undoOwner(work)}, updated_at = now(),
        provisioning_expires_at = now() + make_interval(secs => ${STEP_LEASE_SECONDS})
      WHERE id = ${id} AND status = 'creating' AND ${claim === 'own'
        ? sql`provisioning_owner IN (${work.owner}, ${undoOwner(work)})`
        : sql`coalesce(provisioning_expires_at < now(), true)`}
      RETURNING OLD.organization_id`.execute(trx)
    const [row] = claimed.rows
    if (row === undefined) return false
    await trx.deleteFrom('admin_email_index').where('tenant_id', '=', id).execute()
    if (row.organization_id !== null) await trx.deleteFrom('organizations').where('id', '=', row.organization_id).execute()
    return true
  })
}

/** Drops the database and then the role, whose comment says that both are ours. */
export async function dropFromServer (
  work: Pick<Provisioning, 'identity' | 'onStep'>, client: ClientBase, tenant: Pick<Tenant, 'id' | 'databaseName' | 'roleName'>
): Promise<void> {
  const mark = await roleMark(client, tenant.roleName)
  const { rows } = await client.query('SELECT FROM pg_database WHERE datname = $1', [tenant.databaseName])
  if (mark === undefined && rows.length === 0) return
  const ours = ownershipMark(await work.identity())
  if (mark !== ours) {
    throw new NotOurs(`Role ${tenant.roleName} is marked "${mark ?? ''}", not "${ours}". If it is known to be unused, drop database ${tenant.databaseName} and the role by hand.`)
  }
  await withAdvisoryLock(client, [TENANT_LOCK, tenant.id], async () => {
    await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(tenant.databaseName)} WITH (FORCE)`)
    await work.onStep('database-dropped', tenant.id)
  })
  await client.query(`DROP ROLE IF EXISTS ${escapeIdentifier(tenant.roleName)}`)
  await work.onStep('role-dropped', tenant.id)
}

/** Rows whose owner has gone silent, and how many are still in somebody's hands. */
export async function unfinishedTenants (registry: RegistryDb): Promise<{ expired: string[], fresh: number }> {
  const { rows } = await sql<{ id: string, expired: boolean }>`
    SELECT id, coalesce(provisioning_expires_at < now(), true) AS expired
    FROM tenants WHERE status = 'creating' ORDER BY provisioning_expires_at`.execute(registry)
  const expired = rows.filter((row) => row.expired).map((row) => row.id)
  return { expired, fresh: rows.length - expired.length }
}
