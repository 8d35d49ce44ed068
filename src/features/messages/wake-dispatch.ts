// Calls a worker to a tenant's outbox, in a way that a crash between any two steps cannot lose.
import { Type } from 'typebox'
import { type Services } from '../../services.js'

/** What the job is called and carries; jobs.ts says what it does. */
export const dispatchJobShape = { name: 'messages.dispatch', schema: Type.Object({ tenantId: Type.String() }, { additionalProperties: false }) }

type Queueing = Pick<Services, 'jobs' | 'config' | 'log' | 'clock'>

/**
 * The safety net, before the transaction that queues: a visit in SEND_RECOVERY_MS, whether or not anyone lives to call
 * `wakeDispatch`. A key of its own: under the wake-up's key, the net could merge into a waiting visit that runs before the commit.
 */
export async function guardDispatch (services: Queueing, tenantId: string): Promise<void> {
  await visit(services, tenantId, `dispatch-net:${tenantId}`, services.clock.now().getTime() + services.config.SEND_RECOVERY_MS)
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
  await visit(services, tenantId, `dispatch-at:${tenantId}:${second}`, second * 1_000)
}

/** With a deputy: a worker that dies just after it took the one keeps it locked for hours, and the other comes soon after. */
async function visit ({ jobs, config }: Queueing, tenantId: string, key: string, time: number): Promise<void> {
  await Promise.all([
    jobs.enqueue(dispatchJobShape, { tenantId }, { key, runAt: new Date(time) }),
    jobs.enqueue(dispatchJobShape, { tenantId }, { key: `${key}:deputy`, runAt: new Date(time + config.SEND_RECOVERY_MS) })
  ])
}
