// Adds, changes, pauses, resumes and removes recurring messages, and leaves out single occurrences.
import { uuidv7 } from '../../crypto/uuid.js'
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type Services } from '../../services.js'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { checkContent } from '../messages/write-occurrence.js'
import { listOccurrences } from './occurrences.js'
import { planOccurrence } from './plan-occurrence.js'
import { insertRecurring, lockRecurring, type RecurringColumns, type RecurringRow, removeRecurring, setActive, updateRecurring } from './queries.js'
import { nextAfter, scheduleOf } from './schedule-of.js'
import { type NewRecurring, type RecurringChanges } from './schemas.js'
import { settleSchedule } from './settle-schedule.js'

/** @returns its id @throws problem('VALIDATION_FAILED') and whatever the content of a message may be refused with */
export async function createRecurring (services: Services, db: TenantDb, tenant: Tenant, input: NewRecurring, by: RequestedBy): Promise<string> {
  const now = services.clock.now()
  const id = uuidv7(now.getTime())
  const { name, rule, startDate, time, timeZone, skippedDates, ...content } = input
  const timing = settleSchedule({ rule, startDate, time, timeZone, skippedDates }, tenant.timeZone, now)
  const next = nextAfter(scheduleOf(timing), now)
  if (next === null) throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/rule', message: 'has no occurrence to come' }] })
  await planned(services, tenant.id, id, next, async () => {
    await db.transaction().execute(async (trx) => {
      await checkContent(trx, content)
      await insertRecurring(trx, id, { ...timing, name: name.trim(), content, nextOccurrenceAt: next }, by.adminId)
      await recordAudit(trx, by, { action: 'recurring_message.created', subjectKind: 'recurring_message', subjectId: id, after: { rule, time, timeZone: timing.timeZone } })
    })
  })
  return id
}

/** What is due and not made yet stays due. @throws problem('RECURRENCE_NOT_FOUND'), and as `createRecurring` */
export async function changeRecurring (services: Services, db: TenantDb, tenant: Tenant, id: string, changes: RecurringChanges, by: RequestedBy): Promise<void> {
  await change(services, db, tenant, id, by, 'changed', { fields: Object.keys(changes) }, async (trx, row) => {
    const now = services.clock.now()
    const { name = row.name, rule = row.rule, startDate = row.startDate, time = row.time, timeZone = row.timeZone, skippedDates = row.skippedDates, ...content } = changes
    const timing = settleSchedule({ rule, time, timeZone, skippedDates: [...skippedDates], startDate: changes.startDate }, tenant.timeZone, now)
    const merged = { ...row.content, ...content }
    if (Object.keys(content).length > 0) await checkContent(trx, merged)
    return { ...timing, startDate, name: name.trim(), content: merged }
  })
}

/** @throws problem('RECURRENCE_NOT_FOUND'), 'OCCURRENCE_NOT_FOUND' when the rule does not fall on that date any more */
export async function skipOccurrence (services: Services, db: TenantDb, tenant: Tenant, id: string, date: string, skip: boolean, by: RequestedBy): Promise<void> {
  await change(services, db, tenant, id, by, skip ? 'skipped' : 'restored', { date }, async (_trx, row) => {
    // Around the date in whatever zone.
    const through = new Date(Date.parse(date) + 2 * 86_400_000)
    const found = listOccurrences(scheduleOf(row), { after: services.clock.now(), through, limit: Infinity, withSkipped: true }).find((one) => one.date === date)
    if (found === undefined) throw problem('OCCURRENCE_NOT_FOUND')
    const others = row.skippedDates.filter((one) => one !== date)
    return { ...row, skippedDates: skip ? [...others, date].sort() : others }
  })
}

/** A paused one misses its occurrences; resumed, it goes on with the first one to come. @throws problem('RECURRENCE_NOT_FOUND') */
export async function setRecurringActive (services: Services, db: TenantDb, tenant: Tenant, id: string, isActive: boolean, by: RequestedBy): Promise<void> {
  const now = services.clock.now()
  const next = await db.transaction().execute(async (trx) => {
    const row = await locked(trx, id)
    if (row.isActive === isActive) return null
    const next = nextAfter(scheduleOf(row), now)
    await setActive(trx, id, isActive, next)
    await recordAudit(trx, by, { action: `recurring_message.${isActive ? 'resumed' : 'paused'}`, subjectKind: 'recurring_message', subjectId: id })
    return isActive ? next : null
  })
  if (next !== null) await planOccurrence(services, tenant.id, id, next)
}

/** What it has sent stays. @throws problem('RECURRENCE_NOT_FOUND') */
export async function deleteRecurring (db: TenantDb, id: string, by: RequestedBy): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { name } = await locked(trx, id)
    await removeRecurring(trx, id)
    await recordAudit(trx, by, { action: 'recurring_message.deleted', subjectKind: 'recurring_message', subjectId: id, before: { name } })
  })
}

type Decide = (trx: TenantDb, row: RecurringRow) => Promise<Omit<RecurringColumns, 'nextOccurrenceAt'>>

async function change ({ clock, ...services }: Services, db: TenantDb, tenant: Tenant, id: string, by: RequestedBy, verb: string, after: object, decide: Decide): Promise<void> {
  const next = await db.transaction().execute(async (trx) => {
    const row = await locked(trx, id)
    const columns = await decide(trx, row)
    const now = clock.now()
    const pending = row.isActive && row.nextOccurrenceAt !== null && row.nextOccurrenceAt <= now
    const next = nextAfter(scheduleOf(columns), pending && row.nextOccurrenceAt !== null ? new Date(row.nextOccurrenceAt.getTime() - 1) : now)
    await updateRecurring(trx, id, { ...columns, nextOccurrenceAt: next })
    await recordAudit(trx, by, { action: `recurring_message.${verb}`, subjectKind: 'recurring_message', subjectId: id, after })
    // Before the commit: from then on no moment may be without a job.
    if (row.isActive && next !== null) await planOccurrence(services, tenant.id, id, next)
    return row.isActive ? next : null
  })
  if (next !== null) await planOccurrence(services, tenant.id, id, next)
}

/** Planned before the commit, so that no rule is ever without its job, and after it, as the time may have come meanwhile. */
async function planned (services: Services, tenantId: string, id: string, next: Date, write: () => Promise<void>): Promise<void> {
  await planOccurrence(services, tenantId, id, next)
  await write()
  await planOccurrence(services, tenantId, id, next)
}

async function locked (trx: TenantDb, id: string): Promise<RecurringRow> {
  const row = await lockRecurring(trx, id)
  if (row === undefined) throw problem('RECURRENCE_NOT_FOUND')
  return row
}
