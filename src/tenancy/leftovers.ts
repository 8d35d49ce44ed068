// What looking through the registry and the servers brings to light: what may be removed, and what a person has to decide.

/** Surely nobody's. */
export interface Leftover {
  kind: 'unfinished-tenant' | 'orphan' | 'stale-template'
  server: string
  /** A tenant's id, a database and role, or a database. */
  subject: string
  /** Looks once more before it removes. False when there was nothing to remove any more. Safe to call from several processes. */
  remove: () => Promise<boolean>
}

export interface Finding {
  kind: 'undo-failed' | 'server-unreachable' | 'database-missing' | 'orphan-with-data' | 'misplaced-database'
  server: string
  subject: string
  /** Says what happened and what to do. */
  detail: string
}

export interface Inspection { leftovers: Leftover[], findings: Finding[] }
