// All SQL of numbers: those of the tenant, and the registry of who owns which.
import { randomUUID } from 'node:crypto'
import { type Selectable, sql } from 'kysely'
import { type RegistryDb } from '../../registry/db.js'
import { type TenantDatabase, type TenantDb, type TenantId } from '../../tenancy/tenant.js'

type Columns = Selectable<TenantDatabase['phone_numbers']>
export type NumberRow = Pick<Columns, 'id' | 'number' | 'status' | 'status_detail' | 'capabilities' | 'created_at' | 'updated_at'>
export type OrderRow = Pick<Columns, 'id' | 'number' | 'status' | 'order_id' | 'order_reference'> & { waitedSeconds: number }

const shown = ['id', 'number', 'status', 'status_detail', 'capabilities', 'created_at', 'updated_at'] as const

export async function findNumber (db: TenantDb, id: string): Promise<NumberRow | undefined> {
  return db.selectFrom('phone_numbers').select(shown).where('id', '=', id).executeTakeFirst()
}

export async function findNumberBy (db: TenantDb, number: string): Promise<NumberRow | undefined> {
  return db.selectFrom('phone_numbers').select(shown).where('number', '=', number).executeTakeFirst()
}

/** The oldest first. */
export async function numbersAfter (db: TenantDb, after: string | undefined, limit: number): Promise<NumberRow[]> {
  return db.selectFrom('phone_numbers').select(shown)
    .$if(after !== undefined, (query) => query.where('id', '>', after ?? '')).orderBy('id').limit(limit).execute()
}

export async function oldestActiveNumber (db: TenantDb): Promise<{ number: string } | undefined> {
  return db.selectFrom('phone_numbers').select('number').where('status', '=', 'active').orderBy('id').limit(1).executeTakeFirst()
}

export async function isActiveNumber (db: TenantDb, number: string): Promise<boolean> {
  return await db.selectFrom('phone_numbers').select('id').where('number', '=', number).where('status', '=', 'active').executeTakeFirst() !== undefined
}

/** Makes the row pending, new or anew; undefined when it is pending or active already. */
export async function openOrder (trx: TenantDb, number: string): Promise<NumberRow | undefined> {
  return trx.insertInto('phone_numbers').values({ number })
    .onConflict((conflict) => conflict.column('number')
      .doUpdateSet({ status: 'pending', status_detail: null, requested_at: sql`now()`, updated_at: sql`now()` })
      .where('phone_numbers.status', 'in', ['failed', 'disconnected']))
    .returning(shown).executeTakeFirst()
}

export async function findOrderRow (db: TenantDb, number: string): Promise<OrderRow | undefined> {
  return db.selectFrom('phone_numbers')
    .select(['id', 'number', 'status', 'order_id', 'order_reference', sql<number>`extract(epoch FROM now() - requested_at)::float8`.as('waitedSeconds')])
    .where('number', '=', number).executeTakeFirst()
}

/** A token to work on the pending order for so long; undefined while another has one. */
export async function claimOrder (db: TenantDb, id: string, seconds: number): Promise<string | undefined> {
  const token = randomUUID()
  const claimed = await db.updateTable('phone_numbers').set({ order_claim: token, order_claimed_until: inSeconds(seconds) })
    .where('id', '=', id).where('status', '=', 'pending')
    .where((eb) => eb.or([eb('order_claimed_until', 'is', null), eb('order_claimed_until', '<', sql<Date>`now()`)]))
    .returning('id').executeTakeFirst()
  return claimed && token
}

/** False when the claim ran out and another has it now. */
export async function renewClaim (db: TenantDb, id: string, token: string, seconds: number): Promise<boolean> {
  const renewed = await db.updateTable('phone_numbers').set({ order_claimed_until: inSeconds(seconds) })
    .where('id', '=', id).where('order_claim', '=', token).returning('id').executeTakeFirst()
  return renewed !== undefined
}

export interface OrderFacts { order_id?: string | null, order_reference?: string, status?: 'failed' | 'active', status_detail?: string | null, provider_number_id?: string, messaging_profile_id?: string, capabilities?: string[] }

/** Only for the holder of the claim. */
export async function recordOrder (db: TenantDb, id: string, token: string, facts: OrderFacts): Promise<void> {
  await db.updateTable('phone_numbers').set({ ...facts, updated_at: sql`now()` }).where('id', '=', id).where('order_claim', '=', token).execute()
}

/** Lets the next job take the order at once. */
export async function releaseOrder (db: TenantDb, id: string, token: string): Promise<void> {
  await db.updateTable('phone_numbers').set({ order_claim: null, order_claimed_until: null }).where('id', '=', id).where('order_claim', '=', token).execute()
}

/** Whether the number is the tenant's now; the unique index lets one tenant have it. */
export async function claimNumber (registry: RegistryDb, tenantId: TenantId, number: string): Promise<boolean> {
  await registry.insertInto('phone_number_registry').values({ phone_number: number, tenant_id: tenantId })
    .onConflict((conflict) => conflict.columns(['phone_number', 'channel'])
      .doUpdateSet({ tenant_id: tenantId, status: 'pending', provider_number_id: null, updated_at: sql`now()` })
      .where('phone_number_registry.status', '=', 'released')).execute()
  const { tenant_id: owner } = await registry.selectFrom('phone_number_registry').select('tenant_id')
    .where('phone_number', '=', number).where('channel', '=', 'sms').executeTakeFirstOrThrow()
  return owner === tenantId
}

export async function activateClaim (registry: RegistryDb, tenantId: TenantId, number: string, providerNumberId: string): Promise<boolean> {
  const { numUpdatedRows } = await registry.updateTable('phone_number_registry')
    .set({ status: 'active', provider_number_id: providerNumberId, updated_at: sql`now()` })
    .where('phone_number', '=', number).where('channel', '=', 'sms').where('tenant_id', '=', tenantId).executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Only a claim that never became active. */
export async function releaseClaim (registry: RegistryDb, tenantId: TenantId, number: string): Promise<void> {
  await registry.deleteFrom('phone_number_registry').where('phone_number', '=', number).where('channel', '=', 'sms')
    .where('tenant_id', '=', tenantId).where('status', '=', 'pending').execute()
}

/** Which of these numbers some tenant has claimed. */
export async function claimedAmong (registry: RegistryDb, numbers: readonly string[]): Promise<Set<string>> {
  const rows = await registry.selectFrom('phone_number_registry').select('phone_number')
    .where('phone_number', '=', sql<string>`ANY (${numbers}::text[])`).where('status', '!=', 'released').execute()
  return new Set(rows.map(({ phone_number: number }) => number))
}

function inSeconds (seconds: number) {
  return sql<Date>`now() + make_interval(secs => ${seconds})`
}
