// The ledger's background tasks: working it off, and forgetting what is old.
import { Type } from 'typebox'
import { defineJob } from '../jobs/define-job.js'
import { type Services } from '../services.js'
import { processEvents, processOrphans } from './process-events.js'
import { deleteOldEvents, processingTask } from './queries.js'
import { takeOverShape } from './take-over.js'

const keepDays = 30
const deleteSize = 5_000

export const processEventsJob = defineJob(processingTask, Type.Object({}), async (_payload, services: Services, { signal }) => processEvents(services, signal))

export const takeOverJob = defineJob(takeOverShape.name, takeOverShape.schema, async (payload, services: Services, { signal }) => processOrphans(services, payload, signal))

/** Carriers give up on an event within days, so an id older than this never comes again. */
export const pruneEventsJob = defineJob('webhooks.prune', Type.Object({}), async (_payload, services: Services, { signal }) => {
  while (!signal.aborted && await deleteOldEvents(services.registry, keepDays, deleteSize) === deleteSize);
})
