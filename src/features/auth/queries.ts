// All SQL of sign-up and sign-in: admins and sessions in a tenant's database, and the registry's index of e-mails.
import { sql } from 'kysely'
import { type RegistryDb } from '../../registry/db.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Admin } from './schemas.js'
import { type Caller, type Session } from './session.js'

/** More organizations than anybody runs; each costs a password check. */
const mostOrganizations = 20

const adminColumns = ['id', 'email', 'first_name as firstName', 'last_name as lastName', 'role'] as const

/**
 * The admin, the session and the audit entry in one statement. It runs while the password is hashed: until
 * `updatePasswordHash` no password fits, and until the tenant is active nobody can ask.
 */
export async function insertFirstAdmin (db: TenantDb, { admin, session, caller }: { admin: Admin, session: Session, caller: Caller }): Promise<void> {
  await db
    .with('admin', (write) => write.insertInto('admins').values({
      id: admin.id, email: admin.email, password_hash: '', first_name: admin.firstName, last_name: admin.lastName, role: admin.role, last_login_at: sql`now()`
    }))
    .with('session', (write) => write.insertInto('sessions').values(sessionRow(session, caller)))
    .insertInto('audit_log').values(auditRow('auth.sign_up', session, caller))
    .execute()
}

export async function updatePasswordHash (db: TenantDb, adminId: string, passwordHash: string): Promise<void> {
  await db.updateTable('admins').set({ password_hash: passwordHash }).where('id', '=', adminId).execute()
}

/** Stores a new sign-in; what the admin's older sign-ins left behind is cleared. */
export async function insertSession (db: TenantDb, session: Session, caller: Caller): Promise<void> {
  await db
    .with('session', (write) => write.insertInto('sessions').values(sessionRow(session, caller)))
    .with('admin', (write) => write.updateTable('admins').set({ last_login_at: sql`now()` }).where('id', '=', session.adminId))
    // A family goes as a whole: one revoked row is what marks all of it as revoked.
    .with('dead', (write) => write.deleteFrom('sessions').where('admin_id', '=', session.adminId)
      .where('family_id', 'in', (families) => families.selectFrom('sessions').select('family_id')
        .where('admin_id', '=', session.adminId).groupBy('family_id').having(sql`max(expires_at)`, '<', sql`now()`)))
    .insertInto('audit_log').values(auditRow('auth.sign_in', session, caller))
    .execute()
}

export function selectCredentials (db: TenantDb, adminId: string) {
  return db.selectFrom('admins').select([...adminColumns, 'password_hash as passwordHash']).where('id', '=', adminId).where('status', '=', 'active').executeTakeFirst()
}

export function selectAdmin (db: TenantDb, adminId: string) {
  return db.selectFrom('admins').select(adminColumns).where('id', '=', adminId).executeTakeFirst()
}

export type TokenUse =
  { outcome: 'rotated', familyId: string, adminId: string, role: Admin['role'] } |
  { outcome: 'reused', familyId: string, adminId: string } |
  { outcome: 'refused' }

/** Uses up a refresh token. Of two who use one at the same time, the second waits for the first and finds it used. */
export async function useRefreshToken (db: TenantDb, hash: Buffer, now: Date): Promise<TokenUse> {
  const used = await db.updateTable('sessions').from('admins')
    .set({ rotated_at: now })
    .whereRef('admins.id', '=', 'sessions.admin_id')
    .where('admins.status', '=', 'active')
    .where('token_hash', '=', hash)
    .where('rotated_at', 'is', null)
    .where('expires_at', '>', now)
    .where((row) => row.not(row.exists(
      row.selectFrom('sessions as family').select('family.id').whereRef('family.family_id', '=', 'sessions.family_id').where('family.revoked_at', 'is not', null))))
    .returning(['sessions.family_id as familyId', 'sessions.admin_id as adminId', 'admins.role'])
    .executeTakeFirst()
  if (used !== undefined) return { outcome: 'rotated', ...used }
  const known = await db.selectFrom('sessions').select(['family_id as familyId', 'admin_id as adminId'])
    .where('token_hash', '=', hash).where('rotated_at', 'is not', null).where('revoked_at', 'is', null).executeTakeFirst()
  return known === undefined ? { outcome: 'refused' } : { outcome: 'reused', ...known }
}

/** Whether a refresh token is still the newest of a good session; using it up is left to its owner. */
export async function isTokenUnused (db: TenantDb, hash: Buffer, now: Date): Promise<boolean> {
  const row = await db.selectFrom('sessions').select('id')
    .where('token_hash', '=', hash).where('rotated_at', 'is', null).where('revoked_at', 'is', null).where('expires_at', '>', now).executeTakeFirst()
  return row !== undefined
}

export async function insertRotatedToken (db: TenantDb, session: Session, caller: Caller): Promise<void> {
  await db.insertInto('sessions').values(sessionRow(session, caller)).execute()
}

/** @returns the families that were good until now */
export async function revokeSessions (db: TenantDb, which: { familyId: string } | { adminId: string }, now: Date): Promise<string[]> {
  const rows = await db.updateTable('sessions').set({ revoked_at: now })
    .where('revoked_at', 'is', null)
    .where((row) => 'familyId' in which ? row('family_id', '=', which.familyId) : row('admin_id', '=', which.adminId))
    .returning('family_id').execute()
  return [...new Set(rows.map((row) => row.family_id))]
}

export async function insertAudit (db: TenantDb, action: string, session: Pick<Session, 'familyId' | 'adminId'>, caller: Caller): Promise<void> {
  await db.insertInto('audit_log').values(auditRow(action, session, caller)).execute()
}

/** The organizations an e-mail may sign in to, oldest first. */
export function selectOrganizationsOf (registry: RegistryDb, emailHash: Buffer, tenantId: string | undefined) {
  return registry.selectFrom('admin_email_index')
    .innerJoin('tenants', 'tenants.id', 'admin_email_index.tenant_id')
    .innerJoin('organizations', 'organizations.id', 'tenants.organization_id')
    .select([
      'tenants.id as tenantId', 'tenants.status', 'admin_email_index.admin_id as adminId',
      'organizations.id', 'organizations.kind', 'organizations.name', 'organizations.time_zone as timeZone', 'organizations.trial_ends_at as trialEndsAt'
    ])
    .where('admin_email_index.email_hash', '=', emailHash)
    .where('tenants.status', 'in', ['active', 'suspended', 'moving'])
    .$if(tenantId !== undefined, (query) => query.where('tenants.id', '=', tenantId ?? ''))
    .orderBy('admin_email_index.created_at')
    .limit(mostOrganizations)
    .execute()
}

export function selectOrganization (registry: RegistryDb, organizationId: string) {
  return registry.selectFrom('organizations')
    .select(['id', 'kind', 'name', 'time_zone as timeZone', 'trial_ends_at as trialEndsAt'])
    .where('id', '=', organizationId)
    .executeTakeFirst()
}

function sessionRow (session: Session, caller: Caller) {
  return {
    family_id: session.familyId, admin_id: session.adminId, token_hash: session.refresh.hash, expires_at: session.expiresAt, ip: caller.address, user_agent: caller.userAgent
  }
}

function auditRow (action: string, session: Pick<Session, 'familyId' | 'adminId'>, caller: Caller) {
  return { actor_kind: 'admin' as const, actor_id: session.adminId, action, subject_kind: 'session', subject_id: session.familyId, request_id: caller.requestId }
}
