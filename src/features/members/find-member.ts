// Finds one member, by id or by phone number.
import { problem } from '../../errors.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { findByPhone, findMember, type MemberRow } from './queries.js'
import { type OptInState } from './schemas.js'

/** @throws problem('MEMBER_NOT_FOUND') */
export async function getMember (db: TenantDb, id: string): Promise<MemberRow> {
  const row = await findMember(db, id)
  if (row === undefined) throw problem('MEMBER_NOT_FOUND')
  return row
}

export interface KnownMember { id: string, firstName: string, lastName: string, phoneCipher: Buffer, optInState: OptInState }

/** `phoneHash`: the blind index of the number in E.164. */
export async function findMemberByPhone (db: TenantDb, phoneHash: Buffer): Promise<KnownMember | undefined> {
  const row = await findByPhone(db, phoneHash)
  return row && { id: row.id, firstName: row.first_name, lastName: row.last_name, phoneCipher: row.phone_cipher, optInState: row.opt_in_state }
}
