// Makes PostgreSQL itself refuse every write to a tenant's database, and sees that no connection from before is left.
import { setTimeout as pause } from 'node:timers/promises'
import { type ClientBase, escapeIdentifier } from 'pg'
import { allowActingAs } from '../roles.js'
import { type Tenant } from '../tenant.js'

type Database = Pick<Tenant, 'databaseName' | 'roleName'>

const LOOK_EVERY_MS = 25
const TERMINATE_MS = 5_000

/**
 * Connections made after the returned moment (the server's clock) can only read. Until those made before it are gone there may
 * still be writes. `client`: the administrator's, in any database of the server.
 */
export async function refuseWrites (client: ClientBase, { databaseName, roleName }: Database): Promise<string> {
  await allowActingAs(client, roleName)
  await client.query(`ALTER DATABASE ${escapeIdentifier(databaseName)} SET default_transaction_read_only = on`)
  return await momentOf(client)
}

/** Those made before the returned moment may only read, until they are closed. Idempotent; a database that is gone is no error. */
export async function allowWrites (client: ClientBase, { databaseName, roleName }: Database): Promise<string> {
  const { rows } = await client.query('SELECT FROM pg_database WHERE datname = $1', [databaseName])
  if (rows.length > 0) {
    await allowActingAs(client, roleName)
    await client.query(`ALTER DATABASE ${escapeIdentifier(databaseName)} RESET default_transaction_read_only`)
  }
  return await momentOf(client)
}

export interface Departure {
  /** Who connected up to then, by the server's clock; everybody, without it. */
  moment?: string
  limitMs: number
  /** Their sessions are a pooler's: it keeps them, so each is ended between two transactions. */
  pooled: boolean
  signal: AbortSignal
}

/** Resolves when none of the connections is left. They get `limitMs` to end what they do and are then cut. Returns how many were cut. */
export async function awaitDeparture (client: ClientBase, database: Database, { moment, limitMs, pooled, signal }: Departure): Promise<number> {
  const { databaseName } = database
  const deadline = performance.now() + limitMs
  for (;;) {
    signal.throwIfAborted()
    if (pooled) await endIdle(client, database, moment)
    const left = await connectionsOf(client, databaseName, moment)
    if (left.length === 0) return 0
    if (performance.now() > deadline) break
    await pause(LOOK_EVERY_MS)
  }
  const { rows } = await client.query<{ ended: boolean }>(`SELECT pg_terminate_backend(pid, ${TERMINATE_MS}) AS ended FROM unnest($1::int[]) AS pid`, [await connectionsOf(client, databaseName, moment)])
  const left = await connectionsOf(client, databaseName, moment)
  if (left.length > 0) throw new Error(`${left.length} connections to ${databaseName} could not be ended`)
  return rows.length
}

/** Ends the sessions of the tenant's role that are between two transactions. */
export async function endIdle (client: ClientBase, { databaseName, roleName }: Database, moment = 'infinity'): Promise<void> {
  await client.query(`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = $1 AND usename = $2 AND state = 'idle' AND backend_start <= $3::timestamptz`, [databaseName, roleName, moment])
}

async function momentOf (client: ClientBase): Promise<string> {
  const { rows: [row] } = await client.query<{ moment: string }>('SELECT clock_timestamp()::text AS moment')
  if (row === undefined) throw new Error('The server did not tell its time')
  return row.moment
}

async function connectionsOf (client: ClientBase, databaseName: string, moment = 'infinity'): Promise<number[]> {
  const { rows } = await client.query<{ pid: number }>(`
    SELECT pid FROM pg_stat_activity
    WHERE datname = $1 AND pid <> pg_backend_pid() AND coalesce(backend_type, 'client backend') = 'client backend' AND coalesce(backend_start <= $2::timestamptz, true)`, [databaseName, moment])
  return rows.map(({ pid }) => pid)
}
