// What every step of making and unmaking tenants works with.
import { sql } from 'kysely'
import { type Logger } from 'pino'
import { type Keyring } from '../crypto/keyring.js'
import { type RegistryDb } from '../registry/db.js'
import { type ServerAdministration } from './server-administration.js'

/** In the order of a cold sign-up, then of a claimed one, then of undoing. Tests end the process after each. */
export type ProvisioningStep =
  'registered' | 'role-created' | 'database-creating' | 'database-created' | 'database-owned' | 'database-migrated' | 'ready' |
  'claimed' | 'activated' |
  'undo-begun' | 'database-dropped' | 'role-dropped' | 'row-deleted' | FleetStep

/** Of a run over the fleet: begun, then for each tenant claimed, each file committed, at its version, so in the registry; between canaries and the rest. */
export type FleetStep = 'fleet-begun' | 'fleet-claimed' | 'fleet-file' | 'fleet-advanced' | 'fleet-recorded' | 'fleet-canaries'

export interface Provisioning {
  registry: RegistryDb
  servers: ServerAdministration
  keyring: Keyring
  log: Logger
  /** Names this process in the rows it works on. */
  owner: string
  identity: () => Promise<string>
  /** Called when a step has been done; what it throws fails the step. */
  onStep: (step: ProvisioningStep, tenantId: string) => void | Promise<void>
}

/** How long nobody else touches a row whose owner has gone silent, in seconds. Each step is shorter: its statements time out before. */
export const STEP_LEASE_SECONDS = 45
/** The same for a claimed spare, where all that is left are the first rows of its admin. */
export const CLAIM_LEASE_SECONDS = 20

/** Puts a creating row into this process's hands for the next STEP_LEASE_SECONDS. */
export function newlyOwned (work: Pick<Provisioning, 'owner'>) {
  return {
    provisioning_owner: work.owner,
    provisioning_expires_at: sql<Date>`now() + make_interval(secs => ${STEP_LEASE_SECONDS})`
  }
}
