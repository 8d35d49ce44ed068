// What one process may hold of the connections to a server, by what the others hold.

export interface Holdings {
  /** For all processes together. */
  total: number
  /** What each of the others has on record. */
  others: readonly number[]
  /** What this process has, or may open without asking. */
  holding: number
  /** What this process wants at most. */
  most: number
}

export interface Share {
  /** What goes on record: never less than what is held, and with the others' never more than the total unless they hold that already. */
  granted: number
  /** What this process keeps to from now on; less than what it holds when others need room. */
  limit: number
}

/** Equal parts. Who has more gives up first; only what is on record as given up is given to others. */
export function shareOf ({ total, others, holding, most }: Holdings): Share {
  const fair = Math.floor(total / (others.length + 1))
  const left = Math.max(0, total - others.reduce((sum, granted) => sum + granted, 0))
  const limit = Math.min(fair, left, most)
  return { granted: Math.max(holding, limit), limit }
}
