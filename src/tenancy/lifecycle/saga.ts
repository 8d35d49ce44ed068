// What an operation on a tenant is made of. It is a row of tenant_operations, and a saga: steps that are recorded one by one.
//
// To write one: `export const moveSaga = defineSaga({ kind, state, admit, steps, complete, withdraw })` in a file of its own, and
// name it in sagas.ts. To run one: `operations.perform(kind, tenantId, state, …)`. What the runner promises:
// - `admit` runs in the transaction that writes the row, `complete` in the one that ends it as done, `withdraw` as undone: the
//   tenant's status changes in these three, so no crash leaves a status without its operation.
// - A step is recorded, with what it returns, before the next begins. A crash repeats the step it met, so each may be run twice,
//   also for a moment by two processes at once: look what is there, then do what is missing.
// - A step that fails is taken back together with all before it, the last one first: `undo` must cope with a step half done.
//   From the step marked `final` on nothing is taken back: it is tried again, with pauses, until it works or somebody must look.
// - The lease is renewed meanwhile. `context.confirm()` right before what can't be taken back; heed `context.signal` in long work.
// - Kill tests hear `admitted`, `<step>:did` (done, not yet recorded), `<step>` (recorded), `done`, `undoing`, `undo:<step>`, `undone`, and
//   what steps name with `context.at`. One of them kills every saga at every step by itself; name in it what is particular to a new one.
import { type Static, type TSchema } from 'typebox'
import { type RegistryTrx } from '../../registry/db.js'
import { type Provisioning } from '../provisioning.js'
import { type Tenant, type TenantId } from '../tenant.js'
import { type ObjectStore } from './object-store.js'

export interface OperationContext {
  operationId: string
  /** As the registry has it when the step begins. */
  tenant: Tenant
  work: Provisioning
  /** Closes this process's connections to the tenant's database; others hear of a changed status by themselves. */
  drain: (id: TenantId) => Promise<void>
  media: ObjectStore
  /** Where archives and backups are kept. */
  archives: ObjectStore
  /** A folder of this machine for a file on its way to `archives`. */
  spool: string
  /** For the operator, and for the row at most once a heartbeat. */
  progress: (done: number, total: number) => void
  /** Aborted when the lease is lost or the process stops: leave early, another run goes on. */
  signal: AbortSignal
  /** @throws OperationLost when somebody else has taken the operation up. */
  confirm: () => Promise<void>
  /** A point within a step, for kill tests. */
  at: (point: string) => Promise<void>
}

export interface Step<State, Found = Partial<State>> {
  name: string
  /** Returns what later steps, and undoing, need to know. */
  run: (context: OperationContext, state: State) => Promise<Found | undefined>
  undo?: (context: OperationContext, state: State) => Promise<void>
  /** Once this step begins the operation is finished, whatever happens. */
  final?: true
}

export interface SagaOf<State, Found = Partial<State>> {
  /** Lower case, with hyphens. */
  kind: string
  /** The shape of what is recorded; `perform` is given one to begin with. */
  state: TSchema
  /** Refuses by throwing, or lets the tenant enter the operation and returns what is to be known of how it was. */
  admit: (trx: RegistryTrx, tenantId: TenantId, state: State) => Promise<Found>
  steps: ReadonlyArray<Step<State, Found>>
  complete: (trx: RegistryTrx, tenantId: TenantId, state: State) => Promise<void>
  withdraw: (trx: RegistryTrx, tenantId: TenantId, state: State) => Promise<void>
}

/** Any saga, as the runner has it. */
export type Saga = SagaOf<never, object>

/** The same, with the state's type taken from its schema. */
export function defineSaga<Schema extends TSchema> (saga: Omit<SagaOf<Static<Schema>>, 'state'> & { state: Schema }): SagaOf<Static<Schema>> {
  return saga
}
