// A sign-up's tenant: a spare taken in one statement, or, when there is none, a database made while the caller waits; then activated.
import { createId } from '@paralleldrive/cuid2'
import { sql } from 'kysely'
import { problem } from '../errors.js'
import { createDatabase } from './create-database.js'
import { CLAIM_LEASE_SECONDS, newlyOwned, type Provisioning } from './provisioning.js'
import { currentSchemaVersion } from './schema-version.js'
import { isOpen, openServers } from './servers.js'
import { type DatabaseServer, type Tenant, type TenantId } from './tenant.js'
import { selectTenants, toTenant } from './tenant-rows.js'
import { undoTenant } from './undo-tenant.js'

export interface NewOrganization {
  kind: 'church' | 'studio'
  name: string
  email: string
  /** IANA zone; America/New_York unless given. */
  timeZone?: string
  trialEndsAt: Date
}

/** A tenant that is this process's to fill and activate; left alone, it is taken back after CLAIM_LEASE_SECONDS. */
export interface Reservation { tenant: Tenant, organizationId: string }

const DEFAULT_TIME_ZONE = 'America/New_York'

/** `servers`: names, the best first. Undefined when no spare of the current schema is left there. */
export async function claimSpare (work: Provisioning, organization: NewOrganization, servers: string[]): Promise<Reservation | undefined> {
  const { kind, name, email, timeZone = DEFAULT_TIME_ZONE, trialEndsAt } = organization
  const { rows: [row] } = await sql<Parameters<typeof toTenant>[0] & { organization_id: string }>`
    SELECT t.id, c.organization_id, t.server_id, t.database_name, t.role_name, t.credential_version, 'creating' AS status, t.schema_version,
           s.name AS server_name, s.host, s.port, ${name}::text AS organization_name, ${timeZone}::text AS time_zone
    FROM claim_spare(${work.owner}, ${CLAIM_LEASE_SECONDS}, ${currentSchemaVersion()}, ${kind}, ${name}, ${email}, ${timeZone}, ${trialEndsAt}, ${servers}) c
    JOIN tenants t ON t.id = c.tenant_id JOIN database_servers s ON s.id = t.server_id`.execute(work.registry)
  if (row === undefined) return undefined
  await work.onStep('claimed', row.id)
  return { tenant: toTenant(row), organizationId: row.organization_id }
}

/**
 * The organization is a customer from here on; once more does no harm. `emailHash`: 32 bytes.
 * @throws Problem SIGN_UP_UNAVAILABLE when the reservation was taken back
 */
export async function activateReservation (work: Provisioning, { tenant }: Reservation, admin: { id: string, emailHash: Buffer }): Promise<void> {
  const { rows: [result] } = await sql<{ activated: boolean }>`
    SELECT activate_tenant(${tenant.id}, ${work.owner}, ${admin.emailHash}, ${admin.id}) AS activated`.execute(work.registry)
  if (result?.activated !== true) throw problem('SIGN_UP_UNAVAILABLE', { retryAfter: 1 })
  await work.onStep('activated', tenant.id)
}

/**
 * Tries each open one of these servers once, the least full first. What a failure leaves is undone here or, failing that, by the reconciler.
 * @throws Problem SIGN_UP_UNAVAILABLE
 */
export async function reserveCold (work: Provisioning, organization: NewOrganization, servers: string[]): Promise<Reservation> {
  let cause: unknown
  for (const server of await openServers(work.registry, servers)) {
    const registered = await register(work, organization, server)
    if (registered === undefined) continue
    const { tenant, organizationId } = registered
    await work.onStep('registered', tenant.id)
    try {
      return { tenant: await createDatabase(work, tenant), organizationId }
    } catch (error) {
      cause = error
      work.log.error({ err: error, server: server.name, tenantId: tenant.id }, 'no database could be made for a sign-up')
      await undoTenant(work, tenant, 'own').catch((undoError: unknown) => {
        work.log.warn({ err: undoError, tenantId: tenant.id }, 'the remains of a failed sign-up are left to the reconciler')
      })
    }
  }
  throw problem('SIGN_UP_UNAVAILABLE', { retryAfter: 60, cause })
}

/** Undefined when the server was closed to new tenants meanwhile. */
async function register (work: Provisioning, organization: NewOrganization, server: DatabaseServer): Promise<Reservation | undefined> {
  const { kind, name, email, timeZone = DEFAULT_TIME_ZONE, trialEndsAt } = organization
  return await work.registry.transaction().execute(async (trx) => {
    if (!await isOpen(trx, server.id)) return undefined
    const { id: organizationId } = await trx.insertInto('organizations')
      .values({ kind, name, email, time_zone: timeZone, trial_ends_at: trialEndsAt })
      .returning('id')
      .executeTakeFirstOrThrow()
    const id = createId() as TenantId
    await trx.insertInto('tenants').values(newRow(work, id, server, organizationId)).execute()
    return { tenant: toTenant(await selectTenants(trx).where('tenants.id', '=', id).executeTakeFirstOrThrow()), organizationId }
  })
}

/** The row that stands before anything else of a tenant does. */
export function newRow (work: Provisioning, id: TenantId, server: DatabaseServer, organizationId: string | null) {
  return {
    id,
    organization_id: organizationId,
    server_id: server.id,
    status: 'creating' as const,
    ...newlyOwned(work)
  }
}
