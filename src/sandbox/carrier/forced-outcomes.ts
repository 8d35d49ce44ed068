// Phone numbers whose ending forces an outcome, so that a tester can see every failure without touching the carrier.
import type { MessageStatus } from './model.js'

/** Last seven digits of the recipient → what becomes of a text to it. Every other phone gets its texts. */
const forcedOutcomes: ReadonlyMap<string, ForcedOutcome & { says: string }> = new Map([
  ['5550660', { refuse: '40310', says: 'refused at once: invalid address' }],
  ['5550661', { refuse: '40300', says: 'refused at once: the carrier blocks it after a STOP' }],
  ['5550666', { status: 'delivery_failed', errorCode: '40001', says: 'not delivered: not routable' }],
  ['5550667', { status: 'sending_failed', errorCode: '40002', says: 'not sent: taken for spam' }],
  ['5550668', { status: 'delivery_unconfirmed', errorCode: '40008', says: 'delivery never confirmed' }],
  ['5550669', { silent: true, says: 'sent, and then no word of it' }]
] as const)

export type ForcedOutcome =
  /** POST /messages answers with this error code; nothing is accepted. */
  | { refuse: string }
  /** Accepted, sent, and ended in this status with this error code. */
  | { status: MessageStatus, errorCode: string }
  /** Accepted and sent; no final event ever comes. */
  | { silent: true }

export function forcedOutcome (phone: string): ForcedOutcome | undefined {
  return forcedOutcomes.get(phone.slice(-7))
}

/** The table in words, for the phone page. */
export function describeForcedOutcomes (): Array<{ ending: string, says: string }> {
  return [...forcedOutcomes].map(([ending, { says }]) => ({ ending: `${ending.slice(0, 3)}-${ending.slice(3)}`, says }))
}
