// Consent: what each phone number's owner last said decides whether they may be texted. Every word of it is kept with its evidence.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type OptIn, type OptInState } from './schemas.js'

export type ConsentSource = OptIn['source']

/** Consent to texts in general; without it no further topic counts. */
export const GENERAL = 'messages'

export interface Consent {
  /** Blind index of the phone number. */
  phoneHash: Buffer
  /** GENERAL unless given. */
  topic?: string
  source: ConsentSource
  /** The words, the message's id, the admin, the address: no plain phone number. */
  evidence: object
}

/**
 * Makes everyone who decides over one phone number's consent wait for the other until the transaction ends. Without it a
 * STOP arriving while the member is being added would be overlooked. Always the member's row first, then the number, so
 * that two never wait for each other.
 */
export async function lockConsent (trx: TenantDb, phoneHash: Buffer): Promise<void> {
  await trx.selectFrom('members').select('id').where('phone_hash', '=', phoneHash).where('deleted_at', 'is', null).forUpdate().execute()
  await sql`SELECT pg_advisory_xact_lock_shared(0, 0), pg_advisory_xact_lock(${phoneHash.readBigInt64BE(0).toString()}::bigint)`.execute(trx)
}

/** The same for every number of the organization at once. The rows of the members concerned first, as above. */
export async function lockAllConsent (trx: TenantDb): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(0, 0)`.execute(trx)
}

/** What the owner of this number said last; undefined when they never said anything. */
export async function lastWord (trx: TenantDb, phoneHash: Buffer): Promise<{ action: 'granted' | 'denied' | 'withdrawn', source: ConsentSource } | undefined> {
  return await trx.selectFrom('consent_logs').select(['action', 'source']).where('phone_hash', '=', phoneHash).where('topic', '=', GENERAL)
    .orderBy('id', 'desc').limit(1).executeTakeFirst()
}

/** Whether the owner of this number has said stop, and not start since. */
export async function isWithdrawn (trx: TenantDb, phoneHash: Buffer): Promise<boolean> {
  return await stateOnRecord(trx, phoneHash) === 'opted_out'
}

/** What a member who gets this number starts from: only what its owner texted opens it, not what was put on record for another member. */
export async function stateOnRecord (trx: TenantDb, phoneHash: Buffer): Promise<OptInState> {
  const last = await lastWord(trx, phoneHash)
  if (last === undefined) return 'pending'
  if (last.action !== 'granted') return 'opted_out'
  return last.source === 'keyword' ? 'opted_in' : 'pending'
}

/**
 * The database refuses a grant after an opt-out, unless the evidence names a START that came from this number, and makes the
 * member of a withdrawn number opted out. Record a grant before `setOptInState`: that is checked against the record.
 */
export async function recordConsent (trx: TenantDb, action: 'granted' | 'withdrawn', { phoneHash, topic = GENERAL, source, evidence }: Consent): Promise<void> {
  await trx.insertInto('consent_logs').values((eb) => ({
    member_id: eb.selectFrom('members').select('id').where('phone_hash', '=', phoneHash).where('deleted_at', 'is', null),
    phone_hash: phoneHash,
    topic,
    action,
    source,
    evidence: JSON.stringify(evidence)
  })).execute()
}

/** Returns the id of the member that has this number, if any. */
export async function setOptInState (trx: TenantDb, phoneHash: Buffer, state: OptInState): Promise<string | null> {
  const member = await trx.updateTable('members').set({ opt_in_state: state, updated_at: sql`now()` })
    .where('phone_hash', '=', phoneHash).where('deleted_at', 'is', null).returning('id').executeTakeFirst()
  return member?.id ?? null
}
