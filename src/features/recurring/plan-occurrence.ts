// Sees to it that each occurrence is made at its time, in a way that a crash between any two steps cannot lose.
import { Type } from 'typebox'
import { type Services } from '../../services.js'

/** What the job is called and carries; jobs.ts says what it does. Without a rule: plans every one of the tenant anew. */
export const occurrenceJobShape = {
  name: 'recurring.occur',
  schema: Type.Object({ tenantId: Type.String(), recurringId: Type.Optional(Type.String()) }, { additionalProperties: false })
}

type Queueing = Pick<Services, 'jobs' | 'config' | 'log'>

/** Takes the place of an earlier plan. With a deputy: a worker that dies just after it took the one keeps it locked for hours. */
export async function planOccurrence (services: Queueing, tenantId: string, recurringId: string, time: Date): Promise<void> {
  await plan(services, { tenantId, recurringId }, keyOf(recurringId), time)
}

/** Before a run touches anything: should it die, the deputy comes in SEND_RECOVERY_MS. */
export async function guardOccurrence ({ jobs, config }: Queueing, tenantId: string, recurringId: string, now: Date): Promise<void> {
  await jobs.enqueue(occurrenceJobShape, { tenantId, recurringId }, { key: `${keyOf(recurringId)}:deputy`, runAt: new Date(now.getTime() + config.SEND_RECOVERY_MS) })
}

/** For a tenant that comes back, such as one that was suspended: its rules have run into nothing meanwhile. */
export async function planAllOccurrences (services: Queueing, tenantId: string, time: Date): Promise<void> {
  await plan(services, { tenantId }, `recurring-all:${tenantId}`, time)
}

async function plan ({ jobs, config }: Queueing, payload: { tenantId: string, recurringId?: string }, key: string, time: Date): Promise<void> {
  await Promise.all([
    jobs.enqueue(occurrenceJobShape, payload, { key, runAt: time }),
    jobs.enqueue(occurrenceJobShape, payload, { key: `${key}:deputy`, runAt: new Date(time.getTime() + config.SEND_RECOVERY_MS) })
  ])
}

function keyOf (recurringId: string): string {
  return `recurring:${recurringId}`
}
