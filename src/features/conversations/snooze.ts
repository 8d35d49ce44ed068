// Brings a conversation back that was put off until a time: by a job in the registry, so that nothing asks whether it is time.
import { Type } from 'typebox'
import { Problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type TenantId } from '../../tenancy/tenant.js'
import { announceEvents, recordEvents } from '../events/record-event.js'
import { findSnooze, wakeConversation } from './queries.js'

/** What the job is called and carries; jobs.ts says what it does. */
export const wakeJobShape = { name: 'conversations.wake', schema: Type.Object({ tenantId: Type.String(), conversationId: Type.String() }, { additionalProperties: false }) }

type Queueing = Pick<Services, 'jobs' | 'config'>

const deputyMs = 10 * 60_000
const earlyMs = 1_000

/** Before the transaction that puts it off, so that none is ever without it; the deputy is for a worker that dies with the first. */
export async function planWake ({ jobs }: Queueing, tenantId: string, conversationId: string, time: Date): Promise<void> {
  await Promise.all([['', 0] as const, [':deputy', deputyMs] as const].map(async ([suffix, laterMs]) => {
    await jobs.enqueue(wakeJobShape, { tenantId, conversationId }, { key: `wake:${conversationId}${suffix}`, runAt: new Date(time.getTime() + laterMs) })
  }))
}

/** Safe to call at any time. Filters go by the time itself, so this only marks it unread and tells those who listen. */
export async function wakeSnoozed (services: Services, tenantId: TenantId, conversationId: string): Promise<void> {
  const now = services.clock.now()
  try {
    const until = await services.tenancy.withTenant(tenantId, async (db) => await db.transaction().execute(async (trx) => {
      if (await wakeConversation(trx, conversationId, now)) await recordEvents(trx, [{ type: 'conversation.changed', data: { conversationId } }])
      return await findSnooze(trx, conversationId)
    }))
    announceEvents(services, tenantId)
    // Put off again meanwhile, or the queue's clock is ahead of ours.
    if (until !== null) await planWake(services, tenantId, conversationId, new Date(Math.max(until.getTime(), now.getTime() + earlyMs)))
  } catch (error) {
    // Gone or suspended: nobody looks at it.
    if (!(error instanceof Problem) || error.status >= 500) throw error
  }
}
