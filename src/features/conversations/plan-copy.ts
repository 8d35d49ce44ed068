// Sees to it that what came with a text is copied, and tried again for a day and more when the carrier does not give it.
import { Type, type Static } from 'typebox'
import { type Services } from '../../services.js'

const MediaToCopy = Type.Object({ tenantId: Type.String(), providerMessageId: Type.String(), attempt: Type.Integer({ minimum: 1 }) }, { additionalProperties: false })
export type MediaToCopy = Static<typeof MediaToCopy>

/** What the job is called and carries; jobs.ts says what it does. */
export const copyJobShape = { name: 'conversations.copy-media', schema: MediaToCopy }

type Queueing = Pick<Services, 'jobs' | 'config' | 'log' | 'clock'>

/** Milliseconds between a try and the next. Carriers keep what came in for some weeks. */
const waits = [10_000, 60_000, 600_000, 3_600_000, 21_600_000, 86_400_000] as const

/** The safety net, before the transaction that takes in the text: nothing that came is left without a job, wherever we die. */
export async function guardCopy ({ jobs, config, clock }: Queueing, tenantId: string, providerMessageId: string): Promise<void> {
  const runAt = new Date(clock.now().getTime() + config.SEND_RECOVERY_MS)
  await jobs.enqueue(copyJobShape, { tenantId, providerMessageId, attempt: 1 }, { key: `copy-net:${keyOf(tenantId, providerMessageId)}`, runAt })
}

/** After the commit. Never throws: the net catches a wake-up that failed. */
export async function wakeCopy ({ jobs, log }: Queueing, tenantId: string, providerMessageId: string): Promise<void> {
  try {
    await jobs.enqueue(copyJobShape, { tenantId, providerMessageId, attempt: 1 }, { key: `copy:${keyOf(tenantId, providerMessageId)}` })
  } catch (error) {
    log.warn({ err: error, tenantId }, 'no worker could be woken for the pictures of a text; the safety net will take them up')
  }
}

export function isLastTry (attempt: number): boolean {
  return attempt > waits.length
}

/** Plans the try after this one. */
export async function planNextTry ({ jobs, clock }: Queueing, { tenantId, providerMessageId, attempt }: MediaToCopy): Promise<void> {
  const runAt = new Date(clock.now().getTime() + (waits[attempt - 1] ?? 0))
  const next = { tenantId, providerMessageId, attempt: attempt + 1 }
  await jobs.enqueue(copyJobShape, next, { key: `copy:${keyOf(tenantId, providerMessageId)}:${next.attempt}`, runAt })
}

/** A key has a most length, and a carrier's id has none. */
function keyOf (tenantId: string, providerMessageId: string): string {
  return `${tenantId}:${providerMessageId.slice(0, 200)}`
}
