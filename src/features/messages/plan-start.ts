// Sees to it that a scheduled message starts at its time, in a way that a crash between any two steps cannot lose.
import { Type } from 'typebox'
import { type Services } from '../../services.js'

/** What the job is called and carries; jobs.ts says what it does. Without a message: every one of the tenant whose time has passed. */
export const startJobShape = {
  name: 'messages.start',
  schema: Type.Object({ tenantId: Type.String(), messageId: Type.Optional(Type.String()) }, { additionalProperties: false })
}

type Queueing = Pick<Services, 'jobs' | 'config' | 'log'>

/** Before the transaction that writes the message, so that none is ever without it. A later call for the same message takes its place. */
export async function planStart (services: Queueing, tenantId: string, messageId: string, time: Date): Promise<void> {
  await plan(services, { tenantId, messageId }, `start:${messageId}`, time)
}

/** After the commit: the time may have come meanwhile, and the job found nothing. Never throws: the deputy comes in SEND_RECOVERY_MS. */
export async function confirmStart (services: Queueing, tenantId: string, messageId: string, time: Date): Promise<void> {
  try {
    await planStart(services, tenantId, messageId, time)
  } catch (error) {
    services.log.warn({ err: error, tenantId, messageId }, 'the start of a message could not be confirmed; the job planned before the commit stands')
  }
}

/** For a tenant that comes back after its messages' time, such as one that was suspended. */
export async function planOverdueStarts (services: Queueing, tenantId: string, time: Date): Promise<void> {
  await plan(services, { tenantId }, `start-overdue:${tenantId}`, time)
}

/** With a deputy: a worker that dies just after it took the one keeps it locked for hours, and the other comes soon after. */
async function plan ({ jobs, config }: Queueing, payload: { tenantId: string, messageId?: string }, key: string, time: Date): Promise<void> {
  await Promise.all([
    jobs.enqueue(startJobShape, payload, { key, runAt: time }),
    jobs.enqueue(startJobShape, payload, { key: `${key}:deputy`, runAt: new Date(time.getTime() + config.SEND_RECOVERY_MS) })
  ])
}
