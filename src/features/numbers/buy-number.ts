// Buys a number: claims it for the tenant, notes it as pending, and leaves the order to a job.
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type Services } from '../../services.js'
import { type TenantDb, type TenantId } from '../../tenancy/tenant.js'
import { normalizePhone } from '../members/phone.js'
import { wakeOrder, watchOrder } from './jobs.js'
import { claimNumber, findNumberBy, type NumberRow, openOrder } from './queries.js'

/**
 * Asking again while the order runs changes nothing and answers the same; asking after a failure tries again.
 * @throws problem('PHONE_INVALID') @throws problem('NUMBER_TAKEN') when another tenant has claimed it, or it is active here
 */
export async function buyNumber (services: Pick<Services, 'registry' | 'jobs'>, db: TenantDb, tenantId: TenantId, wanted: string, by: RequestedBy): Promise<NumberRow> {
  const number = normalizePhone(wanted, 'US')
  // The watch stands before the row does: whatever happens to this process, the job finds the row or frees the claim.
  await services.registry.transaction().execute(async (trx) => {
    if (!await claimNumber(trx, tenantId, number)) throw problem('NUMBER_TAKEN')
    await watchOrder(services.jobs, { tenantId, number }, trx)
  })
  const row = await db.transaction().execute(async (trx) => {
    const opened = await openOrder(trx, number)
    if (opened !== undefined) await recordAudit(trx, by, { action: 'number.ordered', subjectKind: 'number', subjectId: opened.id, after: { number } })
    return opened ?? await findNumberBy(trx, number)
  })
  if (row?.status !== 'pending') throw problem('NUMBER_TAKEN', { detail: 'This number is yours already. GET /api/numbers lists your numbers.' })
  await wakeOrder(services.jobs, { tenantId, number })
  return row
}
