// A tenant's own admins and numbers beside what the registry's two indexes say of them, and where they differ.
import { sql } from 'kysely'
import { type ClientBase } from 'pg'
import { emailHash } from '../crypto/email-hash.js'
import { type Keyring } from '../crypto/keyring.js'
import { type RegistryDb } from '../registry/db.js'
import { type Tenant } from '../tenancy/tenant.js'

export interface OwnEntries {
  /** `hash` in hex, as the index should have it. */
  admins: Array<{ id: string, hash: string, active: boolean }>
  numbers: Array<{ number: string, status: string, providerNumberId: string | null }>
}

export interface ListedEntries {
  emails: Array<{ hash: string, adminId: string, settled: boolean }>
  /** Of this tenant, and those of other tenants with a number that it has too. */
  numbers: Array<{ number: string, tenantId: string, status: string, settled: boolean }>
}

/** `settled` entries alone are looked at: a sign-up or a purchase writes here and there one after another. */
const SETTLED_MINUTES = 10

export type Difference =
  | { kind: 'admin-unlisted', adminId: string, hash: string }
  /** The entry names somebody else than the admin who has this e-mail. */
  | { kind: 'email-misled', adminId: string, hash: string }
  | { kind: 'email-of-nobody', hash: string }
  | { kind: 'number-unrouted', number: string, providerNumberId: string | null }
  | { kind: 'number-elsewhere', number: string, owner: string, status: string }
  | { kind: 'claim-left', number: string }
  | { kind: 'number-unknown', number: string }

export interface Compared { tenant: Tenant, differences: Difference[], listed: number, agreeing: number, activeNumbers: string[] }

/** As the server's administrator. */
export async function readOwnEntries (client: ClientBase, keyring: Keyring): Promise<OwnEntries> {
  const admins = await client.query<{ id: string, email: string, active: boolean }>('SELECT id, email, status = \'active\' AS active FROM admins')
  const numbers = await client.query<OwnEntries['numbers'][number]>('SELECT number, status, provider_number_id AS "providerNumberId" FROM phone_numbers')
  return { numbers: numbers.rows, admins: admins.rows.map(({ email, ...admin }) => ({ ...admin, hash: emailHash(keyring, email).toString('hex') })) }
}

export async function readListedEntries (registry: RegistryDb, { id }: Tenant, own: OwnEntries): Promise<ListedEntries> {
  const { rows: emails } = await sql<ListedEntries['emails'][number]>`
    SELECT encode(email_hash, 'hex') AS hash, admin_id AS "adminId", created_at < now() - make_interval(mins => ${SETTLED_MINUTES}) AS settled
    FROM admin_email_index WHERE tenant_id = ${id}`.execute(registry)
  const { rows: numbers } = await sql<ListedEntries['numbers'][number]>`
    SELECT phone_number AS number, tenant_id AS "tenantId", status, updated_at < now() - make_interval(mins => ${SETTLED_MINUTES}) AS settled
    FROM phone_number_registry WHERE channel = 'sms' AND (tenant_id = ${id} OR phone_number = ANY(${own.numbers.map(({ number }) => number)}))`.execute(registry)
  return { emails, numbers }
}

/** `own` must have been read before `listed`: what is bought meanwhile is in the registry before it is active in the tenant. */
export function compareEntries (tenant: Tenant, own: OwnEntries, listed: ListedEntries): Compared {
  const agreeing = listed.emails.filter(({ hash, adminId }) => own.admins.some((admin) => admin.id === adminId && admin.hash === hash)).length
  return {
    tenant,
    differences: [...compareEmails(own, listed), ...compareNumbers(tenant, own, listed)],
    listed: listed.emails.length,
    agreeing,
    activeNumbers: own.numbers.filter(({ status }) => status === 'active').map(({ number }) => number)
  }
}

/** An invited or disabled admin may have an entry or none: nobody signs in by it. */
function compareEmails ({ admins }: OwnEntries, { emails }: ListedEntries): Difference[] {
  const unlisted = admins.filter(({ hash, active }) => active && !emails.some((entry) => entry.hash === hash))
  return [
    ...unlisted.map(({ id, hash }): Difference => ({ kind: 'admin-unlisted', adminId: id, hash })),
    ...emails.flatMap(({ hash, adminId, settled }): Difference[] => {
      const owner = admins.find((admin) => admin.hash === hash)
      if (!settled || owner?.id === adminId) return []
      return [owner === undefined ? { kind: 'email-of-nobody', hash } : { kind: 'email-misled', adminId: owner.id, hash }]
    })
  ]
}

function compareNumbers ({ id }: Tenant, own: OwnEntries, listed: ListedEntries): Difference[] {
  return [
    ...own.numbers.flatMap(({ number, status, providerNumberId }): Difference[] => {
      const entry = listed.numbers.find((one) => one.number === number)
      if (status !== 'active') return []
      if (entry === undefined || (entry.tenantId === id && entry.status === 'pending')) return [{ kind: 'number-unrouted', number, providerNumberId }]
      return entry.tenantId === id && entry.status !== 'released' ? [] : [{ kind: 'number-elsewhere', number, owner: entry.tenantId, status: entry.status }]
    }),
    ...listed.numbers.flatMap(({ number, tenantId, status, settled }): Difference[] => {
      const has = own.numbers.some((one) => one.number === number && (one.status === 'active' || one.status === 'pending'))
      if (tenantId !== id || has || !settled || status === 'released') return []
      return [{ kind: status === 'pending' ? 'claim-left' : 'number-unknown', number }]
    })
  ]
}
