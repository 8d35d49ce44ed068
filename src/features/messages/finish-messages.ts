// A message that has started is done when nothing of it waits in the outbox any more.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { recordingStatus } from '../events/record-event.js'

/** A paused one too, when all that was left of it had been taken before the pause. Looks at the few unfinished messages, with one probe of the outbox each: cheap enough after every batch. @returns how many were finished */
export async function finishMessages (db: TenantDb): Promise<number> {
  const { rows } = await sql`
    WITH finished AS (
      UPDATE messages m SET status = 'sent', paused_from = NULL, updated_at = now()
      WHERE (m.status = 'sending' OR m.paused_from = 'sending') AND NOT EXISTS (SELECT FROM message_queue q WHERE q.message_id = m.id)
      RETURNING m.id, m.status
    ), told AS (
      ${recordingStatus(sql`finished`)}
    )
    SELECT FROM finished`.execute(db)
  return rows.length
}
