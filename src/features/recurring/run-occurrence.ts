// What the job of a rule does: makes the occurrence that is due into a message, and moves on to the next.
import { uuidv7 } from '../../crypto/uuid.js'
import { Problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type TenantDb, type TenantId } from '../../tenancy/tenant.js'
import { confirmStart, planStart } from '../messages/plan-start.js'
import { writeOccurrence } from '../messages/write-occurrence.js'
import { listOccurrences, type Occurrence } from './occurrences.js'
import { guardOccurrence, planOccurrence } from './plan-occurrence.js'
import { findRecurring, hasOccurred, insertOccurrences, lockRecurring, moveOn, type OccurrenceRow, type RecurringRow, waitingRecurring } from './queries.js'
import { nextAfter, scheduleOf } from './schedule-of.js'

/** Recorded in one go; should a rule have missed more, the job comes again for the rest. */
const mostAtOnce = 500

/**
 * Safe to call at any time, by several at once: the rule's row is locked, and each occurrence has one row. After a time without
 * any worker the latest occurrence is still made if it is not older than RECURRING_GRACE_MINUTES; the others are on record as missed.
 */
export async function runRecurring (services: Services, tenantId: TenantId, recurringId?: string): Promise<void> {
  try {
    if (recurringId === undefined) await planAgain(services, tenantId)
    else await runOne(services, tenantId, recurringId)
  } catch (error) {
    // A tenant that is gone or suspended sends nothing; whoever resumes it plans its rules anew. Anything else is tried again.
    if (!(error instanceof Problem) || error.status >= 500) throw error
    services.log.info({ tenantId, recurringId, code: error.code }, 'a recurring message is left alone')
  }
}

async function planAgain (services: Services, tenantId: TenantId): Promise<void> {
  const rules = await services.tenancy.withTenant(tenantId, waitingRecurring)
  for (const { id, nextOccurrenceAt } of rules) await planOccurrence(services, tenantId, id, nextOccurrenceAt)
}

async function runOne (services: Services, tenantId: TenantId, recurringId: string): Promise<void> {
  const now = services.clock.now()
  await guardOccurrence(services, tenantId, recurringId, now)
  await services.tenancy.withTenant(tenantId, async (db) => {
    const found = await findRecurring(db, recurringId)
    if (found === undefined || !isDue(found, now)) return
    const messageId = uuidv7(now.getTime())
    await planStart(services, tenantId, messageId, now)
    const made = await db.transaction().execute(async (trx) => await makeDue(services, trx, recurringId, messageId, now))
    if (made) await confirmStart(services, tenantId, messageId, now)
  })
  const next = await services.tenancy.withTenant(tenantId, async (db) => await findRecurring(db, recurringId))
  if (next?.isActive === true && next.nextOccurrenceAt !== null) await planOccurrence(services, tenantId, recurringId, next.nextOccurrenceAt)
}

function isDue ({ isActive, nextOccurrenceAt }: RecurringRow, now: Date): boolean {
  return isActive && nextOccurrenceAt !== null && nextOccurrenceAt <= now
}

/** @returns whether there is a message to start */
async function makeDue ({ config, log }: Services, trx: TenantDb, recurringId: string, messageId: string, now: Date): Promise<boolean> {
  const rule = await lockRecurring(trx, recurringId)
  if (rule === undefined || rule.nextOccurrenceAt === null || !isDue(rule, now)) return false
  const schedule = scheduleOf(rule)
  const due = listOccurrences(schedule, { after: new Date(rule.nextOccurrenceAt.getTime() - 1), through: now, limit: mostAtOnce })
  const latest = due.at(-1)
  const inTime = latest !== undefined && due.length < mostAtOnce && now.getTime() - latest.at.getTime() <= config.RECURRING_GRACE_MINUTES * 60_000
  const result = inTime && !await hasOccurred(trx, recurringId, latest.at) ? await makeMessage(trx, rule, latest, messageId) : undefined
  await insertOccurrences(trx, recurringId, [...due.slice(0, inTime ? -1 : undefined).map(missed), ...(result === undefined ? [] : [result])])
  await moveOn(trx, recurringId, nextAfter(schedule, latest?.at ?? now), result?.errorCode == null ? null : { code: result.errorCode, at: now })
  if (result?.errorCode != null) log.warn({ recurringId, code: result.errorCode }, 'an occurrence of a recurring message could not be made; it goes on at its next time')
  return result?.outcome === 'sent'
}

/** What is wrong with one rule, such as a segment that is gone, is written on it and stops no other. */
async function makeMessage (trx: TenantDb, { id, content, createdBy }: RecurringRow, { at }: Occurrence, messageId: string): Promise<OccurrenceRow> {
  try {
    await writeOccurrence(trx, { id: messageId, message: content, recurringMessageId: id, occurrence: at, createdBy })
    return { at, outcome: 'sent', messageId, errorCode: null }
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error
    return { at, outcome: 'failed', messageId: null, errorCode: error.code }
  }
}

function missed ({ at }: Occurrence): OccurrenceRow {
  return { at, outcome: 'missed', messageId: null, errorCode: null }
}
