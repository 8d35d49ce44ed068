// Pauses, resumes and cancels a broadcast. Each acts on what no worker has taken yet; what one has taken goes out and is counted.
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { announceEvents, recordEvents } from '../events/record-event.js'
import { confirmStart, planStart } from './plan-start.js'
import { type MessageState, messageTransitions } from './states.js'
import { cancelWaiting, findToSteer, setMessageStatus } from './steer-queries.js'
import { guardDispatch, wakeDispatch } from './wake-dispatch.js'

type Steered = NonNullable<Awaited<ReturnType<typeof findToSteer>>>

/**
 * Nothing of it leaves any more, once those that a worker has taken are gone. Pausing a paused message changes nothing.
 * @throws problem('MESSAGE_NOT_FOUND'), 'MESSAGE_NOT_BROADCAST', 'MESSAGE_STATE_CONFLICT'
 */
export async function pauseMessage (db: TenantDb, id: string, by: RequestedBy): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { status } = await findBroadcast(trx, id)
    if (status === 'paused') return
    if (status !== 'scheduled' && status !== 'sending') throw conflict(status, 'paused')
    await setMessageStatus(trx, id, 'paused', status)
    await recordEvents(trx, [{ type: 'message.progress', data: { messageId: id, status: 'paused' } }])
    await recordAudit(trx, by, { action: 'message.paused', subjectKind: 'message', subjectId: id, before: { status } })
  })
}

/**
 * It goes on where it was; one whose time has come meanwhile begins now. Resuming what is not paused and not at its end changes nothing.
 * @throws problem('MESSAGE_NOT_FOUND'), 'MESSAGE_NOT_BROADCAST', 'MESSAGE_STATE_CONFLICT'
 */
export async function resumeMessage (services: Services, db: TenantDb, tenantId: string, id: string, by: RequestedBy): Promise<void> {
  const { paused_from: from, send_at: sendAt } = await findBroadcast(db, id, false)
  const time = sendAt ?? services.clock.now()
  if (from === 'scheduled') await planStart(services, tenantId, id, time)
  else await guardDispatch(services, tenantId)
  const resumed = await db.transaction().execute(async (trx) => {
    const { status, paused_from: pausedFrom } = await findBroadcast(trx, id)
    if (status === 'scheduled' || status === 'sending') return null
    if (pausedFrom === null) throw conflict(status, 'resumed')
    await setMessageStatus(trx, id, pausedFrom, null)
    await recordEvents(trx, [{ type: 'message.progress', data: { messageId: id, status: pausedFrom } }])
    await recordAudit(trx, by, { action: 'message.resumed', subjectKind: 'message', subjectId: id, after: { status: pausedFrom } })
    return pausedFrom
  })
  announceEvents(services, tenantId)
  if (resumed === 'scheduled') await confirmStart(services, tenantId, id, time)
  else if (resumed === 'sending') await wakeDispatch(services, tenantId)
}

/**
 * Nothing of it leaves any more, for good. Cancelling a cancelled message changes nothing.
 * @throws problem('MESSAGE_NOT_FOUND'), 'MESSAGE_NOT_BROADCAST', 'MESSAGE_STATE_CONFLICT'
 */
export async function cancelMessage (db: TenantDb, id: string, by: RequestedBy): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { status } = await findBroadcast(trx, id)
    if (status === 'cancelled') return
    if (!messageTransitions[status].includes('cancelled')) throw conflict(status, 'cancelled')
    await setMessageStatus(trx, id, 'cancelled', null)
    const recipients = await cancelWaiting(trx, id)
    await recordEvents(trx, [{ type: 'message.progress', data: { messageId: id, status: 'cancelled', changed: { cancelled: recipients } } }])
    await recordAudit(trx, by, { action: 'message.cancelled', subjectKind: 'message', subjectId: id, before: { status }, after: { cancelled: recipients } })
  })
}

/** Locked, in a transaction: no worker takes anything of it meanwhile. @throws problem('MESSAGE_NOT_FOUND'), 'MESSAGE_NOT_BROADCAST' */
export async function findBroadcast (db: TenantDb, id: string, locked = true): Promise<Steered> {
  const message = await findToSteer(db, id, locked)
  if (message === undefined) throw problem('MESSAGE_NOT_FOUND')
  if (message.kind !== 'broadcast') throw problem('MESSAGE_NOT_BROADCAST')
  return message
}

function conflict (status: MessageState, wanted: string) {
  return problem('MESSAGE_STATE_CONFLICT', { detail: `This message is ${status} and can't be ${wanted} any more. GET /api/messages/:id counts who got it.` })
}
