// When a text that certainly did not leave is tried again, and when it has been tried often enough.
import { type SendOutcome } from '../../providers/carrier.js'
import { type TextResult } from './queue-queries.js'

/** With the pauses below: about half an hour. */
const mostAttempts = 14
/** The code of a text that could never be handed over. */
export const carrierUnreachable = 'carrier_unreachable'
const longestPauseMs = 300_000

type NotSent = Extract<SendOutcome, { kind: 'not_sent' }>

/** `attempts`: the earlier tries. `random`: from 0 to 1. */
export function notLeft (attempts: number, { reason, retryAfterMs = 0 }: NotSent, random = Math.random): Omit<TextResult, 'messageId' | 'phoneHash' | 'providerMessageId'> {
  if (attempts + 1 >= mostAttempts) {
    return { state: 'failed', errorCode: carrierUnreachable, errorDetail: `It could not be handed to the carrier in ${mostAttempts} tries; the last: ${reason}.`, retryInMs: null }
  }
  // The jitter spreads those that failed together.
  const pauseMs = Math.min(2 ** attempts * 1_000, longestPauseMs) * (0.75 + random() / 2)
  return { state: 'queued', errorCode: reason, errorDetail: null, retryInMs: Math.round(Math.max(pauseMs, retryAfterMs)) }
}
