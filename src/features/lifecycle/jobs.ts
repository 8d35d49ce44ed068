// The operations on tenants that wait for their time, or that a crash or a failure left.
import { Type } from 'typebox'
import { defineJob } from '../../jobs/define-job.js'
import { type Services } from '../../services.js'

/** One query when nothing is due. Keyed by its name when enqueued by hand. */
export const runOperationsJob = defineJob('tenants.run-operations', Type.Object({}), async (_payload, { operations }: Services, { signal }) => {
  await operations.runDue(signal)
})

const keptMs = 90 * 86_400_000

/** Ended operations are listed for ninety days. */
export const pruneOperationsJob = defineJob('tenants.prune-operations', Type.Object({}), async (_payload, { operations, clock }: Services) => {
  await operations.prune(new Date(clock.now().getTime() - keptMs))
})
