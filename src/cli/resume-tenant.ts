// Lets a suspended organization in again, and lets what waited for it go on.
import { systemClock } from '../clock.js'
import { planOverdueStarts } from '../features/messages/plan-start.js'
import { visitAt } from '../features/messages/wake-dispatch.js'
import { planAllOccurrences } from '../features/recurring/plan-occurrence.js'
import { JobQueue } from '../jobs/job-queue.js'
import { type TenantId } from '../tenancy/tenant.js'
import { hurryEvents } from '../webhooks/queries.js'
import { type Operator } from './operator.js'

/** By then every worker has heard that the organization is back; one that has not would leave its outbox alone. */
const heardByAllMs = 1_000

/** @throws Problem TENANT_NOT_FOUND, TENANT_STATUS_CONFLICT */
export async function resumeTenant ({ provisioner, registry, config, log }: Operator, id: TenantId): Promise<void> {
  await provisioner.resume(id)
  // What waited meanwhile goes on now: texts in its outbox, messages whose time has passed, recurring ones, and events that came in for it.
  const queueing = { jobs: new JobQueue(registry), config, log, clock: systemClock }
  const heardByAll = new Date(Date.now() + heardByAllMs)
  await visitAt(queueing, id, heardByAll)
  await planOverdueStarts(queueing, id, heardByAll)
  await planAllOccurrences(queueing, id, heardByAll)
  await hurryEvents(registry, id)
}
