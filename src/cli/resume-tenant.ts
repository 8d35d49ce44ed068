// Lets a suspended organization in again, and lets what waited for it go on.
import { systemClock } from '../clock.js'
import { planOverdueStarts } from '../features/messages/plan-start.js'
import { visitAt } from '../features/messages/wake-dispatch.js'
import { planAllOccurrences } from '../features/recurring/plan-occurrence.js'
import { JobQueue } from '../jobs/job-queue.js'
import { takeBackDeletion } from '../tenancy/lifecycle/request-deletion.js'
import { type TenantId, type TenantStatus } from '../tenancy/tenant.js'
import { hurryEvents } from '../webhooks/queries.js'
import { type Operator } from './operator.js'

/** By then every worker has heard that the organization is back; one that has not would leave its outbox alone. */
const heardByAllMs = 1_000

/**
 * One whose deletion waits is taken back first. Returns what it is now: one that was archived stays so.
 * @throws Problem TENANT_NOT_FOUND, TENANT_STATUS_CONFLICT, TENANT_OPERATION_UNFINISHED
 */
export async function resumeTenant (operator: Operator, id: TenantId): Promise<TenantStatus> {
  const { status } = await operator.operations.tenant(id)
  if (status === 'deleting') await takeBackDeletion(operator.operations, id)
  if (status === 'deleting' && (await operator.operations.tenant(id)).status === 'archived') return 'archived'
  await operator.provisioner.resume(id)
  await goOn(operator, id)
  return 'active'
}

/** What waited meanwhile goes on now: texts in its outbox, messages whose time has passed, recurring ones, and events that came in for it. */
export async function goOn ({ registry, config, log }: Pick<Operator, 'registry' | 'config' | 'log'>, id: TenantId): Promise<void> {
  const queueing = { jobs: new JobQueue(registry), config, log, clock: systemClock }
  const heardByAll = new Date(Date.now() + heardByAllMs)
  await visitAt(queueing, id, heardByAll)
  await planOverdueStarts(queueing, id, heardByAll)
  await planAllOccurrences(queueing, id, heardByAll)
  await hurryEvents(registry, id)
}
