// The operations on tenants that wait for their time, or that a crash or a failure left.
import { Type } from 'typebox'
import { defineJob } from '../../jobs/define-job.js'
import { type Services } from '../../services.js'
import { folders } from '../../tenancy/lifecycle/object-store.js'

/** One query when nothing is due. Keyed by its name when enqueued by hand. */
export const runOperationsJob = defineJob('tenants.run-operations', Type.Object({}), async (_payload, { operations }: Services, { signal }) => {
  await operations.runDue(signal)
})

/** What is being written when this comes round is younger. */
const unfinishedMs = 2 * 86_400_000

/** What processes that died left of archives and backups half-way into the storage; a bucket charges for it. */
export const removeUnfinishedJob = defineJob('tenants.remove-unfinished-files', Type.Object({}), async (_payload, { archives, clock }: Services) => {
  const before = new Date(clock.now().getTime() - unfinishedMs)
  for (const folder of Object.values(folders)) await archives.removeUnfinished(folder, before)
})

const keptMs = 90 * 86_400_000

/** Ended operations are listed for ninety days. */
export const pruneOperationsJob = defineJob('tenants.prune-operations', Type.Object({}), async (_payload, { operations, clock }: Services) => {
  await operations.prune(new Date(clock.now().getTime() - keptMs))
})
