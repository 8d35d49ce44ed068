// Writes down what happened for those who listen, with what happened; and wakes them once it is committed.
import { type RawBuilder, sql } from 'kysely'
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { insertEvents } from './queries.js'
import { type NewEvent } from './schemas.js'

export type { NewEvent } from './schemas.js'

/** In the transaction of what happened. Call `announceEvents` after its commit. */
export async function recordEvents (trx: TenantDb, events: readonly NewEvent[]): Promise<void> {
  if (events.length > 0) await insertEvents(trx, events)
}

/**
 * The same as part of a statement on many recipients: one event for each message. `changes`: a query or a common table
 * expression with the columns message_id and status, one row for each recipient that came to that status.
 */
export function recordingProgress (changes: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`INSERT INTO events (type, data)
    SELECT 'message.progress', jsonb_build_object('messageId', message_id, 'changed', jsonb_object_agg(status, recipients))
    FROM (SELECT message_id, status, count(*) AS recipients FROM ${changes} AS changes GROUP BY message_id, status) AS counted
    GROUP BY message_id`
}

/** The same for messages that came to a status as a whole: `finished` has the columns id and status. */
export function recordingStatus (finished: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`INSERT INTO events (type, data)
    SELECT 'message.progress', jsonb_build_object('messageId', id, 'status', status) FROM ${finished} AS finished`
}

/** After the commit. Never throws, and waits for nothing: a listener that is not woken sees it with the next event. */
export function announceEvents ({ announcer }: Pick<Services, 'announcer'>, tenantId: string): void {
  announcer.announce(tenantId)
}
