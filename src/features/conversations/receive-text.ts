// Takes in one inbound text: into its conversation, once however often it is delivered, with whatever its words set going.
import { fieldCrypto } from '../../crypto/fields.js'
import { type Services } from '../../services.js'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { announceEvents, recordEvents } from '../events/record-event.js'
import { findSaidKeyword } from '../keywords/said-keyword.js'
import { isWithdrawn, lockConsent } from '../members/consent.js'
import { findMemberByPhone, type KnownMember } from '../members/find-member.js'
import { readPhone } from '../members/phone.js'
import { guardDispatch, wakeDispatch } from '../messages/wake-dispatch.js'
import { asksToStop, readKeyword } from './keywords.js'
import { meaningOf, obeyKeyword } from './obey-keyword.js'
import { obeyOwnKeyword } from './obey-own-keyword.js'
import { guardCopy, wakeCopy } from './plan-copy.js'
import { insertInbound, isReceived, openConversation } from './queries.js'
import { attachTapback } from './reactions.js'

/** What came with a text. `size` in bytes, as the carrier says. Its address stops working after some weeks. */
export interface InboundMedia { url: string, contentType: string | null, size: number | null }

export interface InboundText {
  /** Mostly E.164; short codes and names of senders occur. */
  from: string
  /** Ours, E.164. */
  to: string
  text: string
  media: readonly InboundMedia[]
  providerMessageId: string
  receivedAt: Date
  /** The carrier has recognised a keyword and answers it itself. */
  answeredByCarrier: boolean
}

type Receiving = Pick<Services, 'registry' | 'keyring' | 'jobs' | 'config' | 'log' | 'clock' | 'announcer'>

/** Returns whether the text was new; one that is known already changes nothing. */
export async function receiveText (services: Receiving, db: TenantDb, tenant: Tenant, inbound: InboundText): Promise<boolean> {
  const fields = fieldCrypto(services.keyring, tenant.id)
  const address = readPhone(inbound.from) ?? inbound.from
  const phoneHash = fields.blindIndex(address)
  const word = readKeyword(inbound.text)
  const organization = tenant.organizationName ?? ''
  const own = word === undefined ? await findSaidKeyword(db, inbound.text) : undefined
  if (word !== undefined || own !== undefined) await guardDispatch(services, tenant.id)
  if (inbound.media.length > 0) await guardCopy(services, tenant.id, inbound.providerMessageId)

  const { fresh, answered } = await db.transaction().execute(async (trx) => {
    // One text of this number at a time, and no member of this number made meanwhile: what is read stays so until the commit.
    await lockConsent(trx, phoneHash)
    if (await isReceived(trx, inbound.providerMessageId)) return { fresh: false, answered: false }
    const member = await findMemberByPhone(trx, phoneHash)
    const person = { memberId: member?.id ?? null, phoneHash, phoneCipher: fields.encrypt(address) }
    const conversation = await openConversation(trx, person, {
      ourNumber: inbound.to,
      at: inbound.receivedAt,
      preview: previewOf(inbound),
      needsAttention: word === undefined && asksToStop(inbound.text) ? 'stop_request' : null
    })
    const keyword = isPhone(address) ? meaningOf(word, member?.optInState) : null
    const wanted = own !== undefined && isPhone(address) && !await hasOptedOut(trx, member, phoneHash) ? own : undefined
    const { id: conversationMessageId } = await insertInbound(trx, conversation.id, inbound, keyword ?? (wanted === undefined ? null : 'custom'))
    await attachTapback(trx, conversation.id, conversationMessageId, inbound)
    const said = { organization, person, conversationId: conversation.id, inbound, now: services.clock.now() }
    const answered = keyword !== null ? await obeyKeyword(trx, { keyword, ...said }) : wanted !== undefined && await obeyOwnKeyword(trx, wanted, said)
    await recordEvents(trx, [
      { type: 'message.received', data: { conversationId: conversation.id, conversationMessageId } },
      { type: 'conversation.changed', data: { conversationId: conversation.id } }
    ])
    return { fresh: true, answered }
  })
  if (fresh) announceEvents(services, tenant.id)
  if (answered) await wakeDispatch(services, tenant.id)
  if (fresh && inbound.media.length > 0) await wakeCopy(services, tenant.id, inbound.providerMessageId)
  return fresh
}

/** The first line's worth of a text, for lists; media alone are named. */
export function previewOf ({ text, media }: { text: string, media: readonly unknown[] }): string {
  const line = Array.from(text.replace(/\s+/g, ' ').trim())
  if (line.length > 0) return line.length > 120 ? `${line.slice(0, 119).join('')}…` : line.join('')
  return media.length === 1 ? 'A picture or file' : `${media.length} pictures or files`
}

async function hasOptedOut (trx: TenantDb, member: KnownMember | undefined, phoneHash: Buffer): Promise<boolean> {
  return member?.optInState === 'opted_out' || await isWithdrawn(trx, phoneHash)
}

/** Only people have keywords: a short code that says INFO is a machine, and answering it would be the start of a long talk. */
function isPhone (address: string): boolean {
  return readPhone(address) !== undefined
}
