// Calls a worker to a tenant's outbox, in a way that a crash between any two steps cannot lose.
import { Type } from 'typebox'
import { type Services } from '../../services.js'

/** What the job is called and carries; jobs.ts says what it does. */
export const dispatchJobShape = { name: 'messages.dispatch', schema: Type.Object({ tenantId: Type.String() }, { additionalProperties: false }) }

type Queueing = Pick<Services, 'jobs' | 'config' | 'log' | 'clock'>

/**
 * The safety net, before the transaction that queues: a visit in SEND_RECOVERY_MS (and at `notBefore`, for what is to
 * leave later), whether or not anyone lives to call `wakeDispatch`. A key of its own: under the wake-up's key, the net
 * could merge into a waiting visit that runs before the commit.
 */
export async function guardDispatch (services: Queueing, tenantId: string, notBefore?: Date): Promise<void> {
  const runAt = new Date(services.clock.now().getTime() + services.config.SEND_RECOVERY_MS)
  await services.jobs.enqueue(dispatchJobShape, { tenantId }, { key: `dispatch-net:${tenantId}`, runAt })
  if (notBefore !== undefined) await visitAt(services, tenantId, notBefore)
}

/** After the commit. Never throws: the text is queued, and the net catches a wake-up that failed. */
export async function wakeDispatch (services: Queueing, tenantId: string): Promise<void> {
  try {
    await services.jobs.enqueue(dispatchJobShape, { tenantId }, { key: `dispatch:${tenantId}` })
  } catch (error) {
    services.log.warn({ err: error, tenantId }, 'no worker could be woken for a queued text; the safety net will take it up')
  }
}

/** One visit for each second at most. The key holds the second, so a later visit never takes the place of an earlier one. */
export async function visitAt (services: Queueing, tenantId: string, time: Date): Promise<void> {
  const second = Math.ceil(time.getTime() / 1_000)
  await services.jobs.enqueue(dispatchJobShape, { tenantId }, { key: `dispatch-at:${tenantId}:${second}`, runAt: new Date(second * 1_000) })
}
