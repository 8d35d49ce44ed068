// The hours in which an organization texts, and its zone. New hours count for what is queued from now on, and for what is put off again.
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type Services } from '../../services.js'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { readOwnHours, writeOwnHours } from './queries.js'
import { type QuietHours, type QuietHoursChanges } from './schemas.js'
import { ownHoursFault } from './windows.js'
import { writeOrganizationZone } from './write-organization-zone.js'

/** @throws problem('VALIDATION_FAILED') when the hours would leave none in some state */
export async function changeQuietHours ({ registry }: Pick<Services, 'registry'>, db: TenantDb, tenant: Tenant, { own, timeZone }: QuietHoursChanges, by: RequestedBy): Promise<QuietHours> {
  const fault = own == null ? undefined : ownHoursFault(own)
  if (fault !== undefined) throw problem('VALIDATION_FAILED', { errors: [{ ...fault, path: fault.path.replace('/body', '/body/own') }] })
  if (timeZone !== undefined) await writeOrganizationZone(registry, tenant.id, timeZone)
  return await db.transaction().execute(async (trx) => {
    if (own !== undefined) await writeOwnHours(trx, own)
    await recordAudit(trx, by, { action: 'quiet_hours.changed', subjectKind: 'quiet_hours', subjectId: tenant.id, after: { own, timeZone } })
    return { own: await readOwnHours(trx), timeZone: timeZone ?? tenant.timeZone }
  })
}
