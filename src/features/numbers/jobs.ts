// Background work of numbers: an order is followed to its end.
import { type Static, Type } from 'typebox'
import { Problem } from '../../errors.js'
import { defineJob } from '../../jobs/define-job.js'
import { type JobQueue } from '../../jobs/job-queue.js'
import { type RegistryTrx } from '../../registry/db.js'
import { type Services } from '../../services.js'
import { isTenantId } from '../../tenancy/tenant.js'
import { followOrder } from './follow-order.js'

const Order = Type.Object({ tenantId: Type.String(), number: Type.String() })
type Order = Static<typeof Order>

export const followOrderJob = defineJob<typeof Order, Services>('numbers.follow-order', Order, async ({ tenantId, number }, services, { signal }) => {
  if (!isTenantId(tenantId)) throw new TypeError('The payload names no tenant.')
  try {
    await followOrder(services, {
      tenantId,
      number,
      signal,
      watch: () => watchOrder(services.jobs, { tenantId, number }),
      again: (inMs) => wakeOrder(services.jobs, { tenantId, number }, inMs)
    })
  } catch (error) {
    // Nobody is left to have the number, and the claim went with the tenant.
    if (!(error instanceof Problem) || error.code !== 'TENANT_NOT_FOUND') throw error
  }
})

/** How long after it the watch looks whether a job that followed an order has died, in milliseconds. Longer than CLAIM_SECONDS. */
const WATCH_MS = 120_000

/** A key of its own: sharing one, the watch of one run could take away the next step of another. */
export async function watchOrder (jobs: JobQueue, order: Order, trx?: RegistryTrx): Promise<void> {
  const runAt = new Date(Date.now() + WATCH_MS)
  await jobs.enqueue(followOrderJob, order, { key: `${keyOf(order)}:watch`, runAt, ...(trx === undefined ? {} : { in: trx }) })
}

export async function wakeOrder (jobs: JobQueue, order: Order, inMs = 0): Promise<void> {
  await jobs.enqueue(followOrderJob, order, { key: keyOf(order), ...(inMs === 0 ? {} : { runAt: new Date(Date.now() + inMs) }) })
}

function keyOf ({ tenantId, number }: Order): string {
  return `numbers.follow-order:${tenantId}:${number}`
}
