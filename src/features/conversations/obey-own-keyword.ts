// Does what a keyword of the organization's own says, for whoever texts it and has not opted out.
import { type TenantDb } from '../../tenancy/tenant.js'
import { type OwnKeyword } from '../keywords/said-keyword.js'
import { optIn } from '../members/opt-in.js'
import { tagMember } from '../tags/tag-member.js'
import { answerByItself, type Said } from './automatic-answer.js'
import { answersTo, evidenceOf } from './obey-keyword.js'

/** In the transaction of the text itself. Returns whether an answer was queued. */
export async function obeyOwnKeyword (trx: TenantDb, { action, replyText, tagId }: OwnKeyword, said: Said): Promise<boolean> {
  const { person, inbound } = said
  if (action === 'opt_in') await optIn(trx, { phoneHash: person.phoneHash, source: 'keyword', evidence: evidenceOf(inbound) })
  if (tagId !== null && person.memberId !== null) await tagMember(trx, person.memberId, tagId)
  const text = replyText ?? (action === 'opt_in' ? answersTo.start : null)
  // In the lane of replies: an opt-out that comes before it leaves holds it back.
  return text !== null && await answerByItself(trx, said, { kind: 'auto_reply', lane: 'reply', text, keyword: 'custom' })
}
