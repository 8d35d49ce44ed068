// How long a fleet run waits for what, and how often it tries again: nothing here is without a limit.

export interface FleetTiming {
  /** How long a tenant stays in the hands of a runner that has gone silent. */
  leaseSeconds: number
  /** How often a runner says that it lives. */
  heartbeatMs: number
  /** How often a runner looks whether the tenants in other hands are done. */
  pollMs: number
  /** How long one statement may run: a long index build is allowed. */
  statementTimeoutMs: number
  /** How long a statement may stand in line for a lock: all queries of the API stand behind it. */
  lockTimeoutMs: number
  /** How often a file is tried whose lock is not had, with pauses between that double. */
  lockTries: number
  firstPauseMs: number
  /** How often a server that does not answer is tried before its tenants are left for later. */
  serverTries: number
}

export const fleetTiming: FleetTiming = {
  leaseSeconds: 15,
  heartbeatMs: 5_000,
  pollMs: 300,
  statementTimeoutMs: 900_000,
  lockTimeoutMs: 2_000,
  lockTries: 5,
  firstPauseMs: 500,
  serverTries: 4
}
