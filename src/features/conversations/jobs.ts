// The background jobs of conversations: copying what came with a text, and bringing back what was put off.
import { Problem } from '../../errors.js'
import { defineJob } from '../../jobs/define-job.js'
import { type Services } from '../../services.js'
import { isTenantId } from '../../tenancy/tenant.js'
import { copyMedia } from './copy-media.js'
import { copyJobShape } from './plan-copy.js'
import { wakeJobShape, wakeSnoozed } from './snooze.js'

export const copyMediaJob = defineJob(copyJobShape.name, copyJobShape.schema, async (work, services: Services) => {
  if (!isTenantId(work.tenantId)) throw new TypeError('The payload names no tenant.')
  try {
    await copyMedia(services, work.tenantId, work)
  } catch (error) {
    // Nobody is left to show it to.
    if (!(error instanceof Problem) || error.code !== 'TENANT_NOT_FOUND') throw error
  }
})

export const wakeJob = defineJob(wakeJobShape.name, wakeJobShape.schema, async ({ tenantId, conversationId }, services: Services) => {
  if (isTenantId(tenantId)) await wakeSnoozed(services, tenantId, conversationId)
})
