// What a member's consent was over time, and further words of theirs that an admin puts on record.
import { type FieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { decodeCursor, encodeCursor, type Page, toPage } from '../../http/pagination.js'
import { toTimestamp } from '../../http/wire.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { cancelQueuedFor } from '../messages/cancel-queued.js'
import { adminsWord, optInOnWord } from './admins-word.js'
import { type Consent, GENERAL, lockConsent, recordConsent } from './consent.js'
import { consentBefore, type ConsentRow } from './consent-queries.js'
import { type ConsentEntry, type ConsentListQuery, type NewConsent } from './consent-schemas.js'
import { optOut } from './opt-out.js'
import { findPhone, lockMember } from './queries.js'
import { type Welcome, welcomeMember } from './welcome.js'

const LIST = 'consent'

/** @throws problem('MEMBER_NOT_FOUND') @throws problem('CURSOR_INVALID') */
export async function listConsent (db: TenantDb, fields: FieldCrypto, memberId: string, { topic, limit, cursor }: ConsentListQuery): Promise<Page<ConsentEntry>> {
  const [before] = decodeCursor(fields, `${LIST} ${memberId}`, cursor, 1) ?? []
  const phoneHash = (await findPhone(db, memberId))?.phone_hash
  if (phoneHash === undefined) throw problem('MEMBER_NOT_FOUND')
  const rows = await consentBefore(db, { memberId, phoneHash, topic, before, limit: limit + 1 })
  return toPage(rows, limit, (row) => toWire(row, phoneHash), (last) => encodeCursor(fields, `${LIST} ${memberId}`, [last.id]))
}

/**
 * A withdrawal cancels what waits of the topic; that of the general one is an opt-out and cancels everything. `welcome`: from `prepareWelcome`, for who is opted in here.
 * @throws problem('MEMBER_NOT_FOUND') @throws problem('MEMBER_OPTED_OUT') when something is granted for someone who has opted out
 */
export async function addConsent (db: TenantDb, memberId: string, { topic = GENERAL, action, source, note }: NewConsent, by: RequestedBy, welcome: Welcome | null = null): Promise<ConsentEntry> {
  return await db.transaction().execute(async (trx) => {
    const member = await lockMember(trx, memberId)
    if (member === undefined) throw problem('MEMBER_NOT_FOUND')
    const word = { ...adminsWord(member.phone_hash, note === undefined ? { source } : { source, note }, by), topic }
    if (action === 'granted') await optInOnWord(trx, word)
    else await withdraw(trx, word)
    if (action === 'granted' && topic === GENERAL && welcome !== null) await welcomeMember(trx, memberId, welcome)
    await recordAudit(trx, by, { action: 'member.consent_recorded', subjectKind: 'member', subjectId: memberId, after: { topic, action } })
    const [entry] = await consentBefore(trx, { memberId, phoneHash: member.phone_hash, limit: 1 })
    if (entry === undefined) throw new Error('what was just put on record is not there')
    return toWire(entry, member.phone_hash)
  })
}

/** What waits of the topic is cancelled with it; what waits for its time settles who gets it then. */
async function withdraw (trx: TenantDb, word: Consent & { topic: string }): Promise<void> {
  if (word.topic === GENERAL) await optOut(trx, word)
  else {
    await lockConsent(trx, word.phoneHash)
    await recordConsent(trx, 'withdrawn', word)
    await cancelQueuedFor(trx, word.phoneHash, word.topic)
  }
}

function toWire (row: ConsentRow, phoneHash: Buffer): ConsentEntry {
  return {
    id: row.id,
    topic: row.topic,
    action: row.action,
    source: row.source,
    // Written by recordConsent alone, from an object.
    evidence: row.evidence as Record<string, unknown>,
    currentNumber: row.phone_hash.equals(phoneHash),
    createdAt: toTimestamp(row.created_at)
  }
}
