// The operations on tenants that wait for their time, or that a crash or a failure left.
import { Type } from 'typebox'
import { defineJob } from '../../jobs/define-job.js'
import { type Services } from '../../services.js'
import { beginDueBackups, mostBegun, schedule } from '../../tenancy/lifecycle/due-backups.js'
import { folders } from '../../tenancy/lifecycle/object-store.js'
import { type Operations } from '../../tenancy/lifecycle/operations.js'

/** One query when nothing is due. Keyed by its name when enqueued by hand. */
export const runOperationsJob = defineJob('tenants.run-operations', Type.Object({}), async (_payload, { operations }: Services, { signal }) => {
  await operations.runDue(signal, { except: schedule })
})

const backingUp = new WeakSet<Operations>()

/**
 * Takes one of a worker's places however much is due, so that texts do not wait for backups; every worker takes its part. What was
 * begun is finished also when the setting is off by now.
 */
export const backUpJob = defineJob('tenants.back-up', Type.Object({}), async (_payload, { config, registry, operations, clock }: Services, { signal }) => {
  const { BACKUP_EVERY_HOURS: everyHours, BACKUP_KEEP: keep } = config
  if (backingUp.has(operations)) return
  backingUp.add(operations)
  try {
    for (let more = true; more && !signal.aborted;) {
      more = everyHours > 0 && await beginDueBackups({ registry, operations }, { everyHours, keep, now: clock.now() }) === mostBegun
      await operations.runDue(signal, { only: schedule })
    }
  } finally {
    backingUp.delete(operations)
  }
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
