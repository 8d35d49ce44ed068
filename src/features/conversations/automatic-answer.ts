// The one way in which anything is answered without a person, so that two machines cannot talk for ever.
import { type TenantDb } from '../../tenancy/tenant.js'
import { queueText, type SingleText } from '../messages/queue-text.js'
import { signed } from '../settings/own-texts.js'
import { countAnswers, insertOutbound, type MessageKeyword, type Person } from './queries.js'
import { type InboundText } from './receive-text.js'

/** Answers that one sender gets within an hour, to whatever they say; beyond it words are obeyed in silence. */
const answersAnHour = 5
const hourMs = 60 * 60 * 1_000

/** What was said, by whom and where. */
export interface Said {
  organization: string
  person: Person
  conversationId: string
  inbound: InboundText
  now: Date
}

export type Answer = Pick<SingleText, 'kind' | 'lane' | 'text'> & { keyword: MessageKeyword }

/** With the organization's name in front. Returns whether it was queued. */
export async function answerByItself (trx: TenantDb, { organization, person, conversationId, inbound, now }: Said, { kind, lane, keyword, ...answer }: Answer): Promise<boolean> {
  if (await countAnswers(trx, person.phoneHash, new Date(now.getTime() - hourMs)) >= answersAnHour) return false
  const text = signed(organization, answer.text)
  const { messageId } = await queueText(trx, { kind, lane, text, from: inbound.to, recipient: person })
  await insertOutbound(trx, { conversationId, messageId, text, media: [], sentBy: null, keyword, at: now })
  return true
}
