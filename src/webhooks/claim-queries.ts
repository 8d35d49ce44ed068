// The SQL of claims on the ledger: who works on what, and what becomes of it when that process dies.
import { type RawBuilder, sql } from 'kysely'
import { type RegistryDb } from '../registry/db.js'
import { sessionIsAlive } from '../registry/session-lock.js'
import { type ClaimedEvent } from './queries.js'

/** From here on an event is taken alone: it may be what ended the process that held it before, and with it its neighbours. */
const suspectAfter = 3

/** The run that looks next has been woken by every commit until now. Call it before each look: what is committed later wakes another. */
export async function hearWakeUps (db: RegistryDb): Promise<void> {
  await db.updateTable('webhook_wake_up').set({ waiting: false }).where('waiting', '=', true).execute()
}

/**
 * Takes the events that are due, the oldest first, for `leaseSeconds`: unless settled by then they are due again, so a crash loses
 * none. The attempt counts from the claim, so that an event that ends the process does not do so for ever.
 * `session`: the process's, by which others see whether it is alive.
 */
export async function claimEvents (db: RegistryDb, limit: number, leaseSeconds: number, session: number | undefined): Promise<ClaimedEvent[]> {
  const lease = { leaseSeconds, session: session ?? null }
  const claimed = await claim(db, sql`attempts < ${suspectAfter}`, limit, lease)
  return claimed.length > 0 ? claimed : claim(db, sql`attempts >= ${suspectAfter}`, 1, lease)
}

async function claim (db: RegistryDb, which: RawBuilder<unknown>, limit: number, { leaseSeconds, session }: { leaseSeconds: number, session: number | null }): Promise<ClaimedEvent[]> {
  const { rows } = await sql<ClaimedEvent>`
    UPDATE webhook_events SET attempts = attempts + 1, not_before = now() + make_interval(secs => ${leaseSeconds}), claimed_by = ${session}::int
    WHERE id IN (
      SELECT id FROM webhook_events WHERE status = 'received' AND not_before <= now() AND ${which}
      ORDER BY not_before, id LIMIT ${limit} FOR UPDATE SKIP LOCKED
    )
    RETURNING id, provider, event_id AS "eventId", route_token AS "routeToken", coalesce(payload, '') AS payload, attempts AS attempt, tenant_id AS "tenantId"`.execute(db)
  return rows.sort((one, other) => Number(BigInt(one.id) - BigInt(other.id)))
}

// What is suspect keeps its lease: if it ends each process, it does so every two minutes and no oftener.
const heldBy = (session: number, leaseSeconds: number): RawBuilder<unknown> => sql`
  status = 'received' AND claimed_by = ${session}::int AND attempts < ${suspectAfter} AND not_before > now() AND not_before <= now() + make_interval(secs => ${leaseSeconds})`

/** Whether the process of this session is alive and has events in its hands. */
export async function holdsClaims (db: RegistryDb, session: number, leaseSeconds: number): Promise<boolean> {
  const { rows } = await sql`SELECT WHERE ${sessionIsAlive(session)} AND EXISTS (SELECT FROM webhook_events WHERE ${heldBy(session, leaseSeconds)})`.execute(db)
  return rows.length > 0
}

/** Makes due what a process had in its hands that is no more. @returns how many; 0 while it is alive */
export async function releaseClaims (db: RegistryDb, session: number, leaseSeconds: number): Promise<number> {
  const { numAffectedRows } = await sql`
    UPDATE webhook_events SET not_before = now(), claimed_by = NULL WHERE ${heldBy(session, leaseSeconds)} AND NOT ${sessionIsAlive(session)}`.execute(db)
  return Number(numAffectedRows ?? 0)
}
