// The background job of media: removing bytes that no file names.
import { defineJob } from '../../jobs/define-job.js'
import { type Services } from '../../services.js'
import { isTenantId } from '../../tenancy/tenant.js'
import { sweepJobShape } from './plan-sweep.js'
import { sweepMedia } from './sweep-media.js'

export const sweepMediaJob = defineJob(sweepJobShape.name, sweepJobShape.schema, async ({ tenantId, after }, services: Services) => {
  if (isTenantId(tenantId)) await sweepMedia(services, tenantId, after)
})
