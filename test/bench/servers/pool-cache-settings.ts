// What the cache of pools is told.

export interface PoolCacheSettings {
  databases: Record<string, string>
  sql: string
  /** Pools that are kept. */
  pools?: number
  /** Connections of a pool. */
  each?: number
  /** Milliseconds after which a pool closes a connection that nobody uses. */
  idleMs?: number
  /** Whether the statement is prepared by name. */
  prepare?: boolean
  /** What the connections are called. */
  name?: string
}
