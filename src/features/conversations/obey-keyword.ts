// Does what STOP, START and HELP say, and answers each once: at once, without marketing, and never in an endless talk with a machine.
import { type TenantDb } from '../../tenancy/tenant.js'
import { optIn } from '../members/opt-in.js'
import { optOut } from '../members/opt-out.js'
import { type OptInState } from '../members/schemas.js'
import { queueText } from '../messages/queue-text.js'
import { type Keyword } from './keywords.js'
import { countAnswers, insertOutbound, isOvertaken, type Person } from './queries.js'
import { type InboundText } from './receive-text.js'

/** Answers that one sender gets by itself within an hour; beyond it keywords are obeyed in silence. */
const answersAnHour = 5
const hourMs = 60 * 60 * 1_000

export interface KeywordText {
  keyword: Keyword
  organization: string
  person: Person
  conversationId: string
  inbound: InboundText
  now: Date
}

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
  const consent = {
    phoneHash: person.phoneHash,
    source: 'keyword' as const,
    evidence: { words: inbound.text, providerMessageId: inbound.providerMessageId, receivedAt: inbound.receivedAt.toISOString() }
  }
  // A second STOP is kept as evidence, and gets no second confirmation.
  if (keyword === 'stop' && (await optOut(trx, consent)).already) return false
  if (keyword === 'start') await optIn(trx, consent)
  return !inbound.answeredByCarrier && await answer(trx, said)
}

async function answer (trx: TenantDb, { keyword, organization, person, conversationId, inbound, now }: KeywordText): Promise<boolean> {
  if (await countAnswers(trx, person.phoneHash, new Date(now.getTime() - hourMs)) >= answersAnHour) return false
  const text = answerTo(keyword, organization)
  // In the lane that an opt-out does not block: STOP's confirmation comes after it, and HELP may be asked by anyone.
  const { messageId } = await queueText(trx, {
    kind: keyword === 'stop' ? 'confirmation' : 'auto_reply', lane: 'confirmation', text, from: inbound.to, recipient: person
  })
  await insertOutbound(trx, { conversationId, messageId, text, media: [], sentBy: null, keyword, at: now })
  return true
}

function answerTo (keyword: Keyword, organization: string): string {
  const name = Array.from(organization).slice(0, 40).join('').trim()
  switch (keyword) {
    case 'stop': return `${name}: You have opted out and will get no more messages. Reply START to opt in again.`
    case 'start': return `${name}: You have opted in to our messages. Msg & data rates may apply. Reply HELP for help, STOP to opt out.`
    case 'help': return `${name}: Reply to this number and our team will read it. Msg & data rates may apply. Reply STOP to opt out.`
  }
}
