// Takes one operation from where its row says it is to its end: forward, or back when a step has failed that can be taken back.
import { Check } from 'typebox/value'
import { problem, Problem } from '../../errors.js'
import { type TenantId } from '../tenant.js'
import { selectTenants, toTenant } from '../tenant-rows.js'
import { type Heartbeat, keepLease } from './keep-lease.js'
import { finishOwned, OperationLost, type OperationRow, putDown, updateOwned } from './operation-rows.js'
import { type OperationContext, type Saga, type Step } from './saga.js'

export interface Progress { step: string, undoing: boolean, done: number, total: number }

export type RunnerServices = Pick<OperationContext, 'work' | 'drain' | 'media' | 'archives' | 'spool'> & {
  /** What kill tests hear of. */
  onStep: (point: string, operationId: string) => void | Promise<void>
}

const MOST_ATTEMPTS = 8
const FIRST_PAUSE_SECONDS = 15
const LONGEST_PAUSE_SECONDS = 600

interface Run { services: RunnerServices, saga: Saga, row: OperationRow & { owner: string }, heartbeat: Heartbeat, onProgress: (progress: Progress) => void }

/**
 * `row` has just been claimed for `services.work.owner`. Resolves when the operation is done.
 * @throws Problem TENANT_OPERATION_FAILED when it was undone or must be tried again, or the Problem a step threw; OperationLost;
 * the reason of `stopping`, which leaves the operation to the next run
 */
export async function runOperation (services: RunnerServices, saga: Saga, row: OperationRow, stopping: AbortSignal, onProgress: Run['onProgress'] = () => undefined): Promise<void> {
  const undone = await underLease(services, saga, row, stopping, onProgress, async (run) => run.row.undoing ? await undoAll(run, new Error(row.error ?? 'It had failed before.')) : await forward(run))
  if (undone !== undefined) throw undone
}

/** Takes back what has been done of it. Throws as above, but for the operation's being undone. */
export async function undoOperation (services: RunnerServices, saga: Saga, row: OperationRow, reason: string): Promise<void> {
  await underLease(services, saga, row, new AbortController().signal, () => undefined, async (run) => {
    await turnBack(run, reason)
    return await undoAll(run, new Error(reason))
  })
}

async function underLease <T> (services: RunnerServices, saga: Saga, row: OperationRow, stopping: AbortSignal, onProgress: Run['onProgress'], work: (run: Run) => Promise<T>): Promise<T> {
  const owned = { ...row, owner: services.work.owner }
  const heartbeat = keepLease(services.work.registry, owned, services.work.log, stopping)
  const run: Run = { services, saga, row: owned, heartbeat, onProgress }
  try {
    return await work(run)
  } catch (error) {
    if (error instanceof OperationLost) throw error
    if (!stopping.aborted) throw await postpone(run, error)
    await putDown(services.work.registry, owned)
    throw error
  } finally {
    heartbeat.stop()
  }
}

/** Returns why it was undone, or undefined when it is done. */
async function forward (run: Run): Promise<Problem | undefined> {
  const { saga, row, services: { work } } = run
  const passed = row.step === null ? 0 : indexOf(saga, row.step) + 1
  if (passed === 0) await run.services.onStep('admitted', row.id)
  for (const [index, step] of saga.steps.entries()) {
    if (index < passed) continue
    try {
      await doStep(run, step)
    } catch (error) {
      if (error instanceof OperationLost || run.heartbeat.signal.aborted || saga.steps.slice(0, index + 1).some(({ final }) => final === true)) throw error
      await turnBack(run, messageOf(error))
      return await undoAll(run, error)
    }
  }
  await work.registry.transaction().execute(async (trx) => {
    await finishOwned(trx, row, 'done')
    await saga.complete(trx, row.tenant_id as TenantId, stateOf(run))
  })
  work.log.info({ tenantId: row.tenant_id, operationId: row.id, kind: row.kind }, 'operation done')
  await run.services.onStep('done', row.id)
  return undefined
}

async function turnBack ({ services: { work, onStep }, row }: Run, error: string): Promise<void> {
  const turned = { undoing: true, error, attempts: 0 }
  await updateOwned(work.registry, row, turned)
  Object.assign(row, turned)
  await onStep('undoing', row.id)
}

async function doStep (run: Run, step: Step<never, object>): Promise<void> {
  const { row, services } = run
  const context = await contextOf(run, step.name)
  await context.confirm()
  const found = await step.run(context, stateOf(run))
  await services.onStep(`${step.name}:did`, row.id)
  const state = { ...row.state as object, ...found }
  await updateOwned(services.work.registry, row, { step: step.name, state, progress: { done: 0, total: 0 } })
  Object.assign(row, { step: step.name, state })
  await services.onStep(step.name, row.id)
}

/** From the step after the last recorded, which may be half done, to the first. */
async function undoAll (run: Run, cause: unknown): Promise<Problem> {
  const { saga, row, services } = run
  const halfDone = row.step === null ? 0 : indexOf(saga, row.step) + 1
  for (const step of saga.steps.slice(0, halfDone + 1).reverse()) {
    if (step.undo === undefined) continue
    const context = await contextOf(run, step.name)
    await context.confirm()
    await step.undo(context, stateOf(run))
    await services.onStep(`undo:${step.name}`, row.id)
  }
  await services.work.registry.transaction().execute(async (trx) => {
    await finishOwned(trx, row, 'undone')
    await saga.withdraw(trx, row.tenant_id as TenantId, stateOf(run))
  })
  services.work.log.warn({ err: cause, tenantId: row.tenant_id, operationId: row.id, kind: row.kind }, 'operation undone')
  await services.onStep('undone', row.id)
  return cause instanceof Problem ? cause : problem('TENANT_OPERATION_FAILED', { detail: `${messageOf(cause)} Everything is as it was before.`, cause })
}

async function postpone ({ services: { work }, row }: Run, error: unknown): Promise<Problem> {
  const attempts = row.attempts + 1
  const pauseSeconds = attempts >= MOST_ATTEMPTS ? undefined : Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempts - 1))
  work.log.error({ err: error, tenantId: row.tenant_id, operationId: row.id, kind: row.kind, attempts, pauseSeconds }, 'an operation met an error')
  await putDown(work.registry, row, { error: messageOf(error), attempts, pauseSeconds })
  const next = pauseSeconds === undefined ? `Mend the cause, then run: koinonia tenants operations --retry ${row.id}` : `A worker tries it again in ${pauseSeconds} seconds.`
  return problem('TENANT_OPERATION_FAILED', { detail: `${messageOf(error)} ${next}`, cause: error })
}

async function contextOf ({ services, row, heartbeat, onProgress }: Run, step: string): Promise<OperationContext> {
  const { onStep, ...shared } = services
  const { work } = shared
  const found = await selectTenants(work.registry).where('tenants.id', '=', row.tenant_id).executeTakeFirstOrThrow()
  const tell = (done: number, total: number): void => { onProgress({ step, undoing: row.undoing, done, total }) }
  tell(0, 0)
  return {
    operationId: row.id,
    tenant: toTenant(found),
    ...shared,
    signal: heartbeat.signal,
    progress (done, total) {
      heartbeat.progress(done, total)
      tell(done, total)
    },
    async confirm () {
      heartbeat.signal.throwIfAborted()
      await updateOwned(work.registry, row, {})
    },
    at: async (point) => { await onStep(point, row.id) }
  }
}

function stateOf ({ saga, row }: Run): never {
  if (!Check(saga.state, row.state)) throw new Error(`The state of operation ${row.id} does not fit ${row.kind}; it was probably begun by another version.`)
  return row.state as never
}

function indexOf (saga: Saga, name: string): number {
  const index = saga.steps.findIndex((step) => step.name === name)
  if (index < 0) throw new Error(`The operation ${saga.kind} has no step ${name}; it was probably begun by another version.`)
  return index
}

function messageOf (error: unknown): string {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, 2_000)
  return /[.!?]$/.test(message) ? message : `${message}.`
}
