// What an operator asks of a run over the fleet, what it is told meanwhile, and how it ended.
import { type TenantId } from '../tenant.js'
import { type UnsafeStatement } from './unsafe-statements.js'

export interface FleetOrder {
  /** Every active or suspended tenant, unless these are named. */
  only?: TenantId[]
  /** The version to bring them to; this code's unless given. */
  to?: number
  /** Take those that are beyond `to` back to it, and nobody up. */
  down?: boolean
  /** So many tenants first; when one of them fails, nobody else is touched. */
  canary?: number
  /** Databases at a time on each server, instead of twice the cores. */
  concurrency?: number
  /** Whether the rest goes on when one fails. `continue` unless given. */
  onError?: 'stop' | 'continue'
  /** Goes on with the last run that did not end well, on its own terms. */
  resume?: boolean
}

export type FleetPhase = 'spares' | 'canary' | 'rest'

export interface FleetProgress {
  phase: FleetPhase
  /** Of each server with tenants to migrate; those done or failed by other runners count. */
  servers: Array<{ server: string, total: number, done: number, failed: number }>
  /** The tenant that has just failed. */
  failure?: FleetFailure
}

export interface FleetFailure { tenantId: string, error: string }

export interface FleetResult {
  /** Undefined when there was nothing to do. */
  run?: string
  target: number
  outcome: 'nothing to do' | 'done' | 'failed' | 'stopped'
  /** By this runner, spares included. */
  migrated: number
  /** By other runners of the same run. */
  byOthers: number
  /** In the whole run. */
  failed: FleetFailure[]
  /** Servers that did not answer, and how many tenants wait there. */
  unreachable: Array<{ server: string, tenants: number, error: string }>
  /** Tenants that were to be migrated and are not, the failed and the unreachable among them. */
  left: number
  ms: number
}

export interface FleetPlan {
  direction: 'up' | 'down'
  target: number
  /** Files that at least one tenant has before it, in the order they would be applied. */
  files: string[]
  servers: Array<{ server: string, tenants: number }>
  spares: number
  unsafe: UnsafeStatement[]
}

/** The run was not begun. The message says why, and what to do. */
export class FleetRefused extends Error {
  override readonly name = 'FleetRefused'
  constructor (message: string, readonly unsafe: UnsafeStatement[] = []) { super(message) }
}
