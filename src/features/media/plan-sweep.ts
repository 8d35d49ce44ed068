// Sees to it that bytes which nothing names are found: by a job that an upload plans, so that no tenant without uploads is ever looked at.
import { Type } from 'typebox'
import { type Services } from '../../services.js'

/** What the job is called and carries; jobs.ts says what it does. `after`: the key that the page before ended with. */
export const sweepJobShape = {
  name: 'media.sweep',
  schema: Type.Object({ tenantId: Type.String(), after: Type.Optional(Type.String()) }, { additionalProperties: false })
}

/** So old are bytes without a row before they are removed, in milliseconds: whoever brought them is done with them, or dead. */
export const graceMs = 24 * 3600_000

type Queueing = Pick<Services, 'jobs' | 'clock'>

/** Before bytes are put into the storage. One waits for a tenant at a time, and keeps its time however much is uploaded. */
export async function planSweep ({ jobs, clock }: Queueing, tenantId: string): Promise<void> {
  await jobs.enqueue(sweepJobShape, { tenantId }, { key: `media-sweep:${tenantId}`, runAt: new Date(clock.now().getTime() + graceMs), keepTime: true })
}

/** The next page, at once. */
export async function goOnSweeping ({ jobs }: Pick<Services, 'jobs'>, tenantId: string, after: string): Promise<void> {
  await jobs.enqueue(sweepJobShape, { tenantId, after }, { key: `media-sweep-next:${tenantId}` })
}
