// The two kinds of texts that leave, neither of which waits for the other.
import { type RawBuilder, sql } from 'kysely'
import { lanes } from './queue-text.js'

/** Confirmations and one-to-one texts, or broadcasts. */
export type Traffic = 'answers' | 'broadcasts'

/** Whether a lane of the outbox is of this kind. */
export function isOf (traffic: Traffic, lane: RawBuilder<unknown>): RawBuilder<boolean> {
  return traffic === 'answers' ? sql`${lane} < ${lanes.broadcast}` : sql`${lane} >= ${lanes.broadcast}`
}
