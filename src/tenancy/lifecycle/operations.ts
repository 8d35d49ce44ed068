// The operations on tenants: begun by a command, run by it or by a worker, taken up again after a crash, and listed.
import { problem } from '../../errors.js'
import { type Tenant, type TenantId } from '../tenant.js'
import { selectTenants, toTenant } from '../tenant-rows.js'
import { type Asked, claimDue, claimNow, deleteEnded, findUnfinished, insertOperation, listOperations, makeDue, type OperationRow, putDown } from './operation-rows.js'
import { type Progress, runOperation, type RunnerServices, undoOperation } from './run-operation.js'
import { type Saga, type SagaOf } from './saga.js'
import { sagas } from './sagas.js'

export type { OperationRow } from './operation-rows.js'
export type { Progress } from './run-operation.js'

export interface Request {
  /** Who asked, for whoever reads the row. */
  requestedBy: string
  onProgress?: (progress: Progress) => void
  /** Called right before the operation is in the registry, from where it goes on without this process; not for one that is gone on with. */
  onAdmitted?: () => void
}

const never = new AbortController().signal

export class Operations {
  readonly #services: RunnerServices
  readonly #sagas: ReadonlyMap<string, Saga>

  constructor (services: RunnerServices, known: readonly Saga[] = sagas) {
    this.#services = services
    this.#sagas = new Map(known.map((saga) => [saga.kind, saga]))
  }

  /**
   * Begins the operation and runs it to its end in this process. One of the same kind that a crash left, or that has failed, is
   * gone on with instead, from where it was and with what was asked then.
   * @throws Problem TENANT_NOT_FOUND, TENANT_OPERATION_UNFINISHED, TENANT_OPERATION_FAILED, and what `admit` and the steps throw
   */
  async perform<State extends object> (saga: SagaOf<State>, tenantId: TenantId, state: State, { onProgress, ...asked }: Request): Promise<void> {
    const unfinished = await findUnfinished(this.#services.work.registry, tenantId)
    const id = unfinished?.kind === saga.kind ? unfinished.id : await this.#insert(saga, tenantId, state, asked)
    await this.#runNow(id, onProgress)
  }

  /** Begins the operation and leaves it to a worker, from `runAfter` on. Returns its id. Throws as `perform` does before it runs. */
  async begin<State extends object> (saga: SagaOf<State>, tenantId: TenantId, state: State, { requestedBy, runAfter }: { requestedBy: string, runAfter: Date }): Promise<string> {
    return await this.#insert(saga, tenantId, state, { requestedBy, runAfter })
  }

  /** One that waits for its time is due now. */
  async bringForward (id: string): Promise<void> {
    await makeDue(this.#services.work.registry, id)
  }

  /** One that has failed, or pauses after a failure, from where it was. Throws as `perform` does. */
  async retry (id: string, onProgress?: Request['onProgress']): Promise<void> {
    await this.#runNow(id, onProgress)
  }

  /** Undoes an operation that nobody is at work on and that can still be undone. @throws Problem TENANT_STATUS_CONFLICT, TENANT_OPERATION_UNFINISHED */
  async takeBack (kind: string, tenantId: TenantId): Promise<void> {
    const { work } = this.#services
    const found = await findUnfinished(work.registry, tenantId)
    if (found?.kind !== kind) throw problem('TENANT_STATUS_CONFLICT', { detail: `There is nothing to take back: no ${kind} of ${tenantId} is under way.` })
    const row = await claimNow(work.registry, found.id, work.owner)
    if (row === undefined) throw unfinishedProblem(found)
    const saga = this.#sagaOf(row)
    const next = row.step === null ? 0 : saga.steps.findIndex(({ name }) => name === row.step) + 1
    if (saga.steps.slice(0, next + 1).some(({ final }) => final === true)) {
      await putDown(work.registry, { id: row.id, owner: work.owner })
      throw problem('TENANT_STATUS_CONFLICT', { detail: `The ${kind} of ${tenantId} has begun to remove things, so it can only be finished.` })
    }
    await undoOperation(this.#services, saga, row, 'It was taken back.')
  }

  /** What is due and in nobody's hands, one after another; one query when there is none. Failures are in the rows and in the log. `of`: by who asked. */
  async runDue (stopping: AbortSignal, of: Asked = {}): Promise<void> {
    while (!stopping.aborted) {
      const row = await claimDue(this.#services.work.registry, this.#services.work.owner, of)
      if (row === undefined) return
      await runOperation(this.#services, this.#sagaOf(row), row, stopping).catch((error: unknown) => {
        this.#services.work.log.warn({ err: error, operationId: row.id, tenantId: row.tenant_id, kind: row.kind }, 'an operation did not end well')
      })
    }
  }

  /** Newest first. */
  async list (filter: { tenantId?: string, unfinishedOnly: boolean, limit: number }): Promise<OperationRow[]> {
    return await listOperations(this.#services.work.registry, filter)
  }

  /** Forgets those that ended before then; the audit remembers who asked. */
  async prune (before: Date): Promise<void> {
    await deleteEnded(this.#services.work.registry, before)
  }

  /** @throws Problem TENANT_NOT_FOUND */
  async tenant (id: TenantId): Promise<Tenant> {
    const row = await selectTenants(this.#services.work.registry).where('tenants.id', '=', id).executeTakeFirst()
    if (row === undefined) throw problem('TENANT_NOT_FOUND', { detail: `No tenant has the id ${id}. List them with: koinonia tenants list` })
    return toTenant(row)
  }

  async #insert<State extends object> (saga: SagaOf<State>, tenantId: TenantId, state: State, { requestedBy, runAfter, onAdmitted }: Omit<Request, 'onProgress'> & { runAfter?: Date }): Promise<string> {
    const { registry } = this.#services.work
    const id = await registry.transaction().execute(async (trx) => {
      const inserted = await insertOperation(trx, { tenantId, kind: saga.kind, state, requestedBy, runAfter })
      if (inserted === undefined) return undefined
      const was = await saga.admit(trx, tenantId, state)
      await trx.updateTable('tenant_operations').set({ state: JSON.stringify({ ...state, ...was }) }).where('id', '=', inserted).execute()
      onAdmitted?.()
      return inserted
    })
    if (id !== undefined) return id
    const unfinished = await findUnfinished(registry, tenantId)
    throw unfinished === undefined ? problem('TENANT_OPERATION_UNFINISHED') : unfinishedProblem(unfinished)
  }

  async #runNow (id: string, onProgress: Request['onProgress']): Promise<void> {
    const { work } = this.#services
    const row = await claimNow(work.registry, id, work.owner)
    if (row === undefined) throw problem('TENANT_OPERATION_UNFINISHED', { detail: `Operation ${id} has ended, or another process is at work on it. See: koinonia tenants operations` })
    await runOperation(this.#services, this.#sagaOf(row), row, never, onProgress)
  }

  #sagaOf (row: OperationRow): Saga {
    const saga = this.#sagas.get(row.kind)
    if (saga === undefined) throw new Error(`This version knows no operation ${row.kind}; newer code has begun it.`)
    return saga
  }
}

function unfinishedProblem ({ kind, status, requested_by: by, created_at: at, tenant_id: id }: OperationRow) {
  const how = status === 'failed' ? 'has failed and waits for somebody to look' : 'has not ended'
  return problem('TENANT_OPERATION_UNFINISHED', { detail: `A ${kind} of ${id}, asked for by ${by} at ${at.toISOString()}, ${how}. See: koinonia tenants operations` })
}
