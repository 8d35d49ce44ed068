// The background job of messages: a visit to one tenant's outbox.
import { defineJob } from '../../jobs/define-job.js'
import { type Services } from '../../services.js'
import { isTenantId } from '../../tenancy/tenant.js'
import { dispatch } from './dispatch.js'
import { dispatchJobShape } from './wake-dispatch.js'

export const dispatchJob = defineJob(dispatchJobShape.name, dispatchJobShape.schema, async ({ tenantId }, services: Services, { signal }) => {
  if (isTenantId(tenantId)) await dispatch(services, tenantId, signal)
})
