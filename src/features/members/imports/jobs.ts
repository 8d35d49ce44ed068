// The background jobs of imports: a visit to one that is under way, and the end of what it left behind.
import { Problem } from '../../../errors.js'
import { defineJob, type JobContext } from '../../../jobs/define-job.js'
import { type Services } from '../../../services.js'
import { isTenantId, type TenantId } from '../../../tenancy/tenant.js'
import { discardJobShape, fileKey, importJobShape, wakeImport, wakeImportLater } from './plan-import.js'
import { deleteImport } from './queries.js'
import { failImport, runImport } from './run-import.js'

const hourMs = 3_600_000

export const importJob = defineJob(importJobShape.name, importJobShape.schema, async ({ tenantId, importId }, services: Services, context) => {
  if (isTenantId(tenantId)) await visit(services, tenantId, importId, context)
})

/** By this time it has ended long ago, or nothing will ever come of it. */
export const discardImportJob = defineJob(discardJobShape.name, discardJobShape.schema, async ({ tenantId, importId }, services: Services) => {
  if (!isTenantId(tenantId)) return
  await services.storage.delete(fileKey({ tenantId, importId }))
  await unlessClosed(() => services.tenancy.withTenant(tenantId, (db) => deleteImport(db, importId)))
})

async function visit (services: Services, tenantId: TenantId, importId: string, { signal, attempt, maxAttempts }: JobContext): Promise<void> {
  const of = { tenantId, importId }
  try {
    const open = await unlessClosed(async () => {
      if (await runImport(services, tenantId, importId, signal) === 'more') await wakeImport(services, of)
    })
    if (!open) await wakeImportLater(services, of, hourMs)
  } catch (error) {
    if (attempt >= maxAttempts) await failImport(services, tenantId, importId, 'The rows that are not in the report could not be imported; it has been recorded. Import the file again: what is there already stays.')
    throw error
  }
}

/** False for a tenant that is suspended, archived or gone. */
async function unlessClosed (work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error
    return error.code === 'TENANT_NOT_FOUND'
  }
}
