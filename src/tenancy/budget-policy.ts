// Whom the connection budget serves next and whose idle connection it closes for that.
import { type BudgetAccount } from './budget-account.js'

export interface BudgetLimits {
  /** Physical connections to this server, all databases together: opening + open + closing. */
  readonly connections: number
  /** Physical connections to one database. */
  readonly perAccount: number
  /** How long a request may stand in line, in milliseconds. */
  readonly waitMs: number
  /** Openings + closings under way at a time. */
  readonly churn: number
}

/** Requests a connection serves in a row while other databases have none. */
export const QUANTUM = 16
/** Beyond this many connections a database grows only into free room, never by taking another's place. */
export const SCARCE_SHARE = 4
/** Taking another's place for a further connection needs this long a wait for each one had: it costs that other an opening. */
export const SCARCE_WAIT_MS = 40
/** Two in line this long, or one in line GROW_ALONE_MS, are worth another connection (opening one costs the server about 5 ms). */
export const GROW_AFTER_MS = 4
export const GROW_ALONE_MS = 50
/** Whoever has waited longer than this goes first, however busy its database is. */
export const AGE_CAP_MS = 500

/** Whether a database's line justifies one more connection. `room` says whether the server's budget has a free place. */
export function deservesConnection<C> (account: BudgetAccount<C>, limits: BudgetLimits, room: boolean, now: number): boolean {
  if (account.waiting === 0 || account.physical >= limits.perAccount) return false
  if (account.live === 0) return true
  if (account.opening > 0) return false
  const waited = account.oldestWait(now)
  if (!room) return account.live < SCARCE_SHARE && waited > SCARCE_WAIT_MS * account.live
  return waited > GROW_ALONE_MS || (account.waiting >= 2 && waited > GROW_AFTER_MS)
}

/** The least busy database first, so a quiet one does not stand behind forty hot ones; but nobody beyond the age cap. */
export function chooseNext<C> (need: Iterable<BudgetAccount<C>>, now: number): BudgetAccount<C> | undefined {
  let quietest: BudgetAccount<C> | undefined
  let lowest = Infinity
  let oldest: BudgetAccount<C> | undefined
  let longest = AGE_CAP_MS
  for (const account of need) {
    const score = account.scoreAt(now)
    if (score < lowest) [quietest, lowest] = [account, score]
    const waited = account.oldestWait(now)
    if (waited > longest) [oldest, longest] = [account, waited]
  }
  return oldest ?? quietest
}

/**
 * The database that loses an idle connection: the one whose last one is used the least. Of several each takes a part of the requests,
 * the last one the smallest, so a further connection, opened in a rush, does not outlive the only one of a quieter database.
 */
export function chooseVictim<C> (withIdle: Iterable<BudgetAccount<C>>, now: number): BudgetAccount<C> | undefined {
  let victim: BudgetAccount<C> | undefined
  let lowest = Infinity
  for (const account of withIdle) {
    const worth = account.scoreAt(now) / account.live ** 2
    if (worth < lowest) [victim, lowest] = [account, worth]
  }
  return victim
}
