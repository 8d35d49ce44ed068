// What the queue records of a text after its turn: what the carrier said of it, in the outbox's terms.
import { type SendOutcome } from '../../providers/carrier.js'
import { type ClaimedText } from './claim-queries.js'
import { type TextResult } from './queue-queries.js'
import { notLeft } from './retry-later.js'

export function toResult (text: ClaimedText, outcome: SendOutcome): TextResult {
  switch (outcome.kind) {
    case 'accepted': return result(text, { state: 'sent', providerMessageId: outcome.providerMessageId })
    case 'refused': return result(text, { state: 'failed', errorCode: outcome.code, errorDetail: outcome.detail })
    case 'unknown': return result(text, { state: 'unknown', errorCode: outcome.reason })
    case 'not_sent': return result(text, notLeft(text.attempts, outcome))
  }
}

/** It was claimed and never tried: back in line at once. */
export function untried (text: ClaimedText): TextResult {
  return result(text, { state: 'queued' })
}

function result ({ messageId, phoneHash }: ClaimedText, facts: Partial<TextResult> & Pick<TextResult, 'state'>): TextResult {
  return { messageId, phoneHash, providerMessageId: null, errorCode: null, errorDetail: null, retryInMs: null, ...facts }
}
