// The background job of recurring messages: one rule's next occurrence.
import { defineJob } from '../../jobs/define-job.js'
import { type Services } from '../../services.js'
import { isTenantId } from '../../tenancy/tenant.js'
import { occurrenceJobShape } from './plan-occurrence.js'
import { runRecurring } from './run-occurrence.js'

export const occurrenceJob = defineJob(occurrenceJobShape.name, occurrenceJobShape.schema, async ({ tenantId, recurringId }, services: Services) => {
  if (isTenantId(tenantId)) await runRecurring(services, tenantId, recurringId)
})
