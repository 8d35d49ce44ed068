// When a new message starts and by when it must have left, from what the request says.
import { problem } from '../../errors.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { toInstant, type WallTime } from '../../wall-time.js'
import { placesOf } from '../quiet-hours/places.js'
import { type NewMessage } from './schemas.js'

export interface Times {
  /** Null: at once. */
  sendAt: Date | null
  sendBefore: Date | null
  local: WallTime | null
}

const leastMs = 300_000

/** A local time starts the message when the first of the organization's members has it. @throws problem('VALIDATION_FAILED') */
export async function settleTimes (db: TenantDb, organizationZone: string, message: Pick<NewMessage, 'sendAt' | 'sendAtLocal' | 'sendBefore'>, now: Date): Promise<Times> {
  const { sendAt, sendBefore } = message
  const local = message.sendAtLocal ?? null
  if (sendAt !== undefined && local !== null) refuse('/body/sendAtLocal', 'cannot be given together with sendAt')
  const time = local === null ? later(sendAt === undefined ? now : new Date(sendAt), now) : await firstAnywhere(db, organizationZone, local, now)
  const deadline = sendBefore === undefined ? null : new Date(sendBefore)
  if (deadline !== null && deadline.getTime() < (time ?? now).getTime() + leastMs) refuse('/body/sendBefore', 'must be at least five minutes after the message starts')
  return { sendAt: time, sendBefore: deadline, local }
}

async function firstAnywhere (db: TenantDb, organizationZone: string, local: WallTime, now: Date): Promise<Date | null> {
  const times = (await placesOf(db, organizationZone)).map(({ timeZone }) => toInstant(local, timeZone).getTime())
  if (Math.max(...times) <= now.getTime()) refuse('/body/sendAtLocal', 'has passed everywhere; choose a later time, or leave it out to send at once')
  return later(new Date(Math.min(...times)), now)
}

function later (time: Date, now: Date): Date | null {
  return time > now ? time : null
}

function refuse (path: string, message: string): never {
  throw problem('VALIDATION_FAILED', { errors: [{ path, message }] })
}
