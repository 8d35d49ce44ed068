// All SQL of process_shares. Grants change one process at a time, so that each sees what all others have.
import { sql } from 'kysely'
import pg from 'pg'
import { type RegistryDb } from '../../registry/db.js'
import { type Holdings, type Share, shareOf } from './share-of.js'

/** Held for the moment in which one process changes its grants. */
const SHARE_LOCK = 4_801_520_080

/**
 * Puts this process's share on record, and tells that it lives. Grants of those not heard of for `deadAfterMs` are freed.
 * @throws PostgreSQL's errors; then nothing may be raised, for nobody knows what is on record
 */
export async function renewShare (registry: RegistryDb, { process, server, deadAfterMs, ...held }: Omit<Holdings, 'others'> & { process: string, server: string, deadAfterMs: number }): Promise<Share> {
  return await registry.transaction().execute(async (trx) => {
    await sql`SELECT pg_advisory_xact_lock(${SHARE_LOCK})`.execute(trx)
    await sql`DELETE FROM process_shares WHERE heartbeat_at < now() - make_interval(secs => ${deadAfterMs / 1_000}) AND process <> ${process}`.execute(trx)
    const rows = await trx.selectFrom('process_shares').select('granted').where('server', '=', server).where('process', '!=', process).execute()
    const share = shareOf({ ...held, others: rows.map(({ granted }) => granted) })
    await sql`
      INSERT INTO process_shares (process, server, granted) VALUES (${process}, ${server}, ${share.granted})
      ON CONFLICT (process, server) DO UPDATE SET granted = EXCLUDED.granted, heartbeat_at = now()`.execute(trx)
    return share
  })
}

/** Over a connection of its own, when the process has no other left. */
export async function dropShares (connectionString: string, process: string): Promise<void> {
  const client = new pg.Client({ connectionString, application_name: 'koinonia:share', connectionTimeoutMillis: 5_000, statement_timeout: 5_000 })
  // One that breaks while it is being closed has nobody else to tell.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query('DELETE FROM process_shares WHERE process = $1', [process])
  } finally {
    await client.end()
  }
}
