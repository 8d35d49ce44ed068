// Does what STOP, START and HELP say, and answers each once: at once, without marketing, and never in an endless talk with a machine.
import { type TenantDb } from '../../tenancy/tenant.js'
import { optIn } from '../members/opt-in.js'
import { optOut } from '../members/opt-out.js'
import { type OptInState } from '../members/schemas.js'
import { readMessagingSettings } from '../settings/messaging-settings.js'
import { answerByItself, type Said } from './automatic-answer.js'
import { type Keyword } from './keywords.js'
import { isOvertaken } from './queries.js'
import { type InboundText } from './receive-text.js'

export type KeywordText = Said & { keyword: Keyword }

/** What a word means from this person: YES answers a question about consent only when theirs is open or withdrawn, and else is just a text. */
export function meaningOf (word: Keyword | 'yes' | undefined, optInState: OptInState | undefined): Keyword | null {
  if (word !== 'yes') return word ?? null
  return optInState === 'pending' || optInState === 'opted_out' ? 'start' : null
}

/** In the transaction of the text itself. Returns whether an answer was queued. */
export async function obeyKeyword (trx: TenantDb, said: KeywordText): Promise<boolean> {
  const { keyword, person, inbound } = said
  // Carriers deliver in any order: a word that the person has since taken back is kept, but not obeyed.
  if (keyword !== 'help' && await isOvertaken(trx, person.phoneHash, inbound.receivedAt)) return false
  const consent = { phoneHash: person.phoneHash, source: 'keyword' as const, evidence: evidenceOf(inbound) }
  // A second STOP is kept as evidence, and gets no second confirmation.
  if (keyword === 'stop' && (await optOut(trx, consent)).already) return false
  if (keyword === 'start') await optIn(trx, consent)
  if (inbound.answeredByCarrier) return false
  const text = keyword === 'help' ? (await readMessagingSettings(trx)).helpText : answersTo[keyword]
  // In the lane that an opt-out does not block: STOP's confirmation comes after it, and HELP may be asked by anyone.
  return await answerByItself(trx, said, { kind: keyword === 'stop' ? 'confirmation' : 'auto_reply', lane: 'confirmation', text, keyword })
}

/** What proves consent that was given or withdrawn by text. */
export function evidenceOf (inbound: InboundText) {
  return { words: inbound.text, providerMessageId: inbound.providerMessageId, receivedAt: inbound.receivedAt.toISOString() }
}

export const answersTo = {
  stop: 'You have opted out and will get no more messages. Reply START to opt in again.',
  start: 'You have opted in to our messages. Msg & data rates may apply. Reply HELP for help, STOP to opt out.'
} as const
