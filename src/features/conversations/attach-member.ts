// What a number wrote before anyone knew whose it is becomes its member's.
import { type TenantDb } from '../../tenancy/tenant.js'
import { recordEvents } from '../events/record-event.js'
import { updateMemberOf } from './queries.js'
import { updateMembersOf } from './attach-queries.js'

/** In the transaction that gives a member this number, after `lockConsent` of it: no text of the number comes in between. */
export async function attachMember (trx: TenantDb, { memberId, phoneHash }: { memberId: string, phoneHash: Buffer }): Promise<void> {
  const conversations = await updateMemberOf(trx, phoneHash, memberId)
  await recordEvents(trx, conversations.map((conversationId) => ({ type: 'conversation.changed', data: { conversationId } })))
}

/** The same for many, whose numbers' consent is locked as a whole. */
export async function attachMembers (trx: TenantDb, phoneHashes: readonly Buffer[]): Promise<void> {
  await updateMembersOf(trx, phoneHashes)
}
