// What the start job does: starts one message of a tenant, or finds every one whose time has passed.
import { Problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type TenantId } from '../../tenancy/tenant.js'
import { planStart } from './plan-start.js'
import { findOverdue, findScheduled } from './queries.js'
import { startMessage } from './start-message.js'

const earlyMs = 1_000

/** Without `messageId` it gives each overdue message a job of its own, so that one that can't start stops no other. */
export async function startDue (services: Services, tenantId: TenantId, messageId?: string): Promise<void> {
  try {
    if (messageId === undefined) await startOverdue(services, tenantId)
    else await startOne(services, tenantId, messageId)
  } catch (error) {
    // A tenant that is gone or suspended sends nothing; whoever resumes it plans the starts it missed. Anything else is tried again.
    if (!(error instanceof Problem) || error.status >= 500) throw error
    services.log.info({ tenantId, messageId, code: error.code }, 'a scheduled message is left alone')
  }
}

async function startOne (services: Services, tenantId: TenantId, messageId: string): Promise<void> {
  const now = services.clock.now().getTime()
  const waiting = await services.tenancy.withTenant(tenantId, async (db, tenant) => {
    await startMessage(services, db, tenant, messageId)
    return await findScheduled(db, messageId)
  })
  // The queue's clock is ahead of ours, or the message was put off.
  if (waiting !== undefined) await planStart(services, tenantId, messageId, new Date(Math.max(waiting.sendAt?.getTime() ?? now, now + earlyMs)))
}

async function startOverdue (services: Services, tenantId: TenantId): Promise<void> {
  const now = services.clock.now()
  const ids = await services.tenancy.withTenant(tenantId, async (db) => await findOverdue(db, now))
  for (const id of ids) await planStart(services, tenantId, id, now)
}
