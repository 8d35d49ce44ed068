// Adds a member. Whether they may be texted follows from the consent on record for their number, then from the one given here.
import { type FieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { violatedConstraint } from '../../tenancy/violated-constraint.js'
import { attachMember } from '../conversations/attach-member.js'
import { replaceMemberTags } from '../tags/tag-member.js'
import { adminsWord } from './admins-word.js'
import { lockConsent, recordConsent, stateOnRecord } from './consent.js'
import { getMember } from './find-member.js'
import { normalizePhone } from './phone.js'
import { placeColumns } from './phone-zone.js'
import { insertMember, type MemberRow, replaceBranches } from './queries.js'
import { type NewMember } from './schemas.js'
import { queueWelcome, type Welcome } from './welcome.js'

/**
 * `input.phone`: with its country code. A person who has opted out is added as opted out, whatever `optIn` says. `welcome`: from `prepareWelcome`, for someone opted in here.
 * @throws problem('PHONE_INVALID') @throws problem('MEMBER_PHONE_TAKEN') @throws problem('BRANCH_NOT_FOUND')
 */
export async function createMember (db: TenantDb, fields: FieldCrypto, input: NewMember, by: RequestedBy, welcome: Welcome | null = null): Promise<MemberRow> {
  const phone = normalizePhone(input.phone)
  const phoneHash = fields.blindIndex(phone)
  return refusingTakenPhones(db.transaction().execute(async (trx) => {
    await lockConsent(trx, phoneHash)
    const onRecord = await stateOnRecord(trx, phoneHash)
    const optedIn = input.optIn !== undefined && onRecord !== 'opted_out'
    const optInState = optedIn ? 'opted_in' : onRecord
    const phoneCipher = fields.encrypt(phone)
    const id = await insertMember(trx, {
      first_name: input.firstName.trim(),
      last_name: input.lastName.trim(),
      phone_cipher: phoneCipher,
      phone_hash: phoneHash,
      ...placeColumns(phone),
      email: input.email,
      birthday: input.birthday,
      time_zone: input.timeZone,
      custom: JSON.stringify(input.custom ?? {}),
      opt_in_state: optInState
    })
    await placeMember(trx, id, input)
    await attachMember(trx, { memberId: id, phoneHash })
    if (input.optIn !== undefined && optedIn) await recordConsent(trx, 'granted', adminsWord(phoneHash, input.optIn, by))
    if (optedIn && welcome !== null) await queueWelcome(trx, welcome, { memberId: id, phoneHash, phoneCipher })
    await recordAudit(trx, by, { action: 'member.created', subjectKind: 'member', subjectId: id, after: { optInState } })
    return getMember(trx, id)
  }))
}

/** Puts the member into these branches and tags; a list left out changes nothing. @throws problem('BRANCH_NOT_FOUND') */
export async function placeMember (trx: TenantDb, id: string, { branchIds, tags }: Pick<NewMember, 'branchIds' | 'tags'>): Promise<void> {
  if (branchIds !== undefined && !await replaceBranches(trx, id, branchIds)) throw problem('BRANCH_NOT_FOUND', { detail: 'One of branchIds is no branch. List them with GET /api/branches.' })
  if (tags !== undefined) await replaceMemberTags(trx, id, tags)
}

/** The unique index decides: asking first would let two through at the same time. */
export async function refusingTakenPhones<T> (work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (violatedConstraint(error) === 'members_phone') throw problem('MEMBER_PHONE_TAKEN', { cause: error })
    throw error
  }
}
