// The background jobs of messages: a visit to one tenant's outbox, and the start of what was scheduled.
import { defineJob } from '../../jobs/define-job.js'
import { type Services } from '../../services.js'
import { isTenantId } from '../../tenancy/tenant.js'
import { dispatch } from './dispatch.js'
import { startJobShape } from './plan-start.js'
import { startDue } from './start-due.js'
import { dispatchJobShape } from './wake-dispatch.js'

export const dispatchJob = defineJob(dispatchJobShape.name, dispatchJobShape.schema, async ({ tenantId }, services: Services, { signal }) => {
  if (isTenantId(tenantId)) await dispatch(services, tenantId, signal)
})

export const startJob = defineJob(startJobShape.name, startJobShape.schema, async ({ tenantId, messageId }, services: Services) => {
  if (isTenantId(tenantId)) await startDue(services, tenantId, messageId)
})
