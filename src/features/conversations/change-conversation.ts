// What an admin does to conversations besides writing: reads, closes, assigns, puts off, sees to what called for a person.
import { problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { violatedConstraint } from '../../tenancy/violated-constraint.js'
import { announceEvents, recordEvents } from '../events/record-event.js'
import { changeMany, selectForBulk } from './bulk-queries.js'
import { getConversation } from './list-conversations.js'
import { type ConversationRow } from './inbox-queries.js'
import { type ConversationChange, isActiveAdmin, updateConversation } from './queries.js'
import { type BulkChange, type ConversationChanges } from './schemas.js'
import { planWake } from './snooze.js'

type Changing = Pick<Services, 'announcer' | 'jobs' | 'config' | 'clock'>

/** How many one call changes at most. */
const mostAtOnce = 500

/**
 * @throws problem('CONVERSATION_NOT_FOUND'), 'ADMIN_NOT_FOUND', 'CONVERSATION_NOT_OPEN' for putting off a closed one
 * @throws problem('CONVERSATION_SUPERSEDED') when opening one of two
 */
export async function changeConversation (services: Changing, db: TenantDb, tenantId: string, id: string, changes: ConversationChanges): Promise<ConversationRow> {
  const until = changes.snoozedUntil == null ? null : new Date(changes.snoozedUntil)
  if (until !== null && until <= services.clock.now()) throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/snoozedUntil', message: 'must be in the future' }] })
  await getConversation(db, id)
  if (until !== null) await planWake(services, tenantId, id, until)
  const row = await refusingTwoOpen(db.transaction().execute(async (trx) => {
    await requireAdmin(trx, changes.assignedTo)
    if (!await updateConversation(trx, id, toColumns(changes, until))) throw problem('CONVERSATION_NOT_FOUND')
    await recordEvents(trx, [{ type: 'conversation.changed', data: { conversationId: id } }])
    return await getConversation(trx, id)
  }))
  announceEvents(services, tenantId)
  return row
}

/** All of `ids`, or none; of a filter those that would change, the longest silent first. `more`: call again for the rest. @throws problem('CONVERSATION_NOT_FOUND'), 'ADMIN_NOT_FOUND' */
export async function changeInBulk (services: Changing, db: TenantDb, tenantId: string, adminId: string, { ids, filter, set }: BulkChange): Promise<{ changed: number, more: boolean }> {
  if ((ids === undefined) === (filter === undefined)) throw problem('VALIDATION_FAILED', { errors: [{ path: '/body', message: 'must have either ids or filter' }] })
  const result = await db.transaction().execute(async (trx) => {
    await requireAdmin(trx, set.assignedTo)
    const found = await selectForBulk(trx, { ids, filter, set, adminId, now: services.clock.now(), limit: mostAtOnce + 1 })
    if (ids !== undefined && found.length < new Set(ids).size) throw problem('CONVERSATION_NOT_FOUND', { detail: 'One of ids is no conversation. Nothing was changed.' })
    const chosen = found.slice(0, mostAtOnce)
    const changed = await changeMany(trx, chosen, set)
    await recordEvents(trx, changed.map((conversationId) => ({ type: 'conversation.changed', data: { conversationId } })))
    return { changed: changed.length, more: found.length > mostAtOnce }
  })
  announceEvents(services, tenantId)
  return result
}

async function requireAdmin (trx: TenantDb, id: string | null | undefined): Promise<void> {
  if (id != null && !await isActiveAdmin(trx, id)) throw problem('ADMIN_NOT_FOUND')
}

function toColumns ({ status, needsAttention, unread, assignedTo, snoozedUntil }: ConversationChanges, until: Date | null): ConversationChange {
  return {
    ...(status === undefined ? {} : { status }),
    ...(status === undefined || status === 'open' ? {} : { snoozed_until: null }),
    ...(needsAttention === undefined ? {} : { needs_attention: null }),
    ...(unread === undefined ? {} : { unread }),
    ...(assignedTo === undefined ? {} : { assigned_admin_id: assignedTo }),
    ...(snoozedUntil === undefined ? {} : { snoozed_until: until })
  }
}

/** The constraints decide: one open conversation for each person and channel, and none but open ones put off. */
export async function refusingTwoOpen<T> (work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const violated = violatedConstraint(error)
    if (violated === 'conversations_open') throw problem('CONVERSATION_SUPERSEDED', { cause: error })
    if (violated === 'conversations_snoozed_open') throw problem('CONVERSATION_NOT_OPEN', { cause: error })
    throw error
  }
}
