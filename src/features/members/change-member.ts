// Changes a member. Consent belongs to a phone number: a new number starts from what its own owner said.
import { type FieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { attachMember } from '../conversations/attach-member.js'
import { cancelQueuedFor } from '../messages/cancel-queued.js'
import { adminsWord, optInOnWord } from './admins-word.js'
import { lockConsent, stateOnRecord } from './consent.js'
import { placeMember, refusingTakenPhones } from './create-member.js'
import { getMember } from './find-member.js'
import { optOut } from './opt-out.js'
import { type E164, normalizePhone } from './phone.js'
import { placeColumns } from './phone-zone.js'
import { lockMember, type MemberRow, updateMember } from './queries.js'
import { type MemberChanges } from './schemas.js'
import { type Welcome, welcomeMember } from './welcome.js'

/**
 * `changes.phone`: with its country code. `welcome`: from `prepareWelcome`, for someone opted in here.
 * @throws problem('MEMBER_NOT_FOUND') @throws problem('PHONE_INVALID') @throws problem('MEMBER_PHONE_TAKEN')
 * @throws problem('BRANCH_NOT_FOUND') @throws problem('MEMBER_OPTED_OUT') when `optIn` is for someone who has opted out
 */
export async function changeMember (db: TenantDb, fields: FieldCrypto, id: string, changes: MemberChanges, by: RequestedBy, welcome: Welcome | null = null): Promise<MemberRow> {
  if (changes.optIn !== undefined && changes.optOut !== undefined) {
    throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/optOut', message: 'cannot be given together with optIn' }] })
  }
  const phone = changes.phone === undefined ? undefined : normalizePhone(changes.phone)
  return refusingTakenPhones(db.transaction().execute(async (trx) => {
    const before = await lockMember(trx, id)
    if (before === undefined) throw problem('MEMBER_NOT_FOUND')
    await updateMember(trx, id, columnsOf(changes))
    await placeMember(trx, id, changes)
    const moved = phone !== undefined && !fields.blindIndex(phone).equals(before.phone_hash)
    if (moved) {
      await changePhone(trx, fields, id, phone)
      // What waits is addressed to the old number, which may be anyone's.
      await cancelQueuedFor(trx, before.phone_hash)
    }
    await changeConsent(trx, moved ? fields.blindIndex(phone) : before.phone_hash, changes, by)
    if (changes.optIn !== undefined && welcome !== null) await welcomeMember(trx, id, welcome)
    await recordAudit(trx, by, { action: 'member.changed', subjectKind: 'member', subjectId: id, after: { fields: Object.keys(changes) } })
    return getMember(trx, id)
  }))
}

function columnsOf ({ firstName, lastName, email, birthday, timeZone, custom }: MemberChanges) {
  return {
    first_name: firstName?.trim(),
    last_name: lastName?.trim(),
    email,
    birthday,
    time_zone: timeZone,
    custom: custom === undefined ? undefined : JSON.stringify(custom)
  }
}

async function changePhone (trx: TenantDb, fields: FieldCrypto, id: string, phone: E164): Promise<void> {
  const phoneHash = fields.blindIndex(phone)
  await lockConsent(trx, phoneHash)
  await updateMember(trx, id, { phone_cipher: fields.encrypt(phone), phone_hash: phoneHash, ...placeColumns(phone), opt_in_state: await stateOnRecord(trx, phoneHash) })
  await attachMember(trx, { memberId: id, phoneHash })
}

async function changeConsent (trx: TenantDb, phoneHash: Buffer, changes: MemberChanges, by: RequestedBy): Promise<void> {
  if (changes.optOut !== undefined) await optOut(trx, adminsWord(phoneHash, { source: 'admin', ...changes.optOut }, by))
  if (changes.optIn !== undefined) await optInOnWord(trx, adminsWord(phoneHash, changes.optIn, by))
}
