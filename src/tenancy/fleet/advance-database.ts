// Brings one tenant's database to a version, up or down, over an administrator's connection that acts as the tenant's role.
import { setTimeout as pause } from 'node:timers/promises'
import { type ClientBase, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg'
import { loadMigrations, type MigrationFile } from '../../registry/migration-files.js'
import { splitStatements } from '../../registry/sql-statements.js'
import { allowActingAs } from '../roles.js'
import { type FleetTiming } from './fleet-timing.js'

/** Held in a tenant's database by whoever migrates it: what a killed runner sent may still be running there. */
const MIGRATION_LOCK = 4_801_520_080

/** A lock not had in time, or a deadlock: the same again may succeed. */
const LOCK_NOT_AVAILABLE = '55P03'
const DEADLOCK_DETECTED = '40P01'
const INSUFFICIENT_PRIVILEGE = '42501'

export interface Advance {
  applied: string[]
  /** Files applied in all, also those that this code does not know. */
  version: number
}

/** A file failed, and left nothing but what came before it. `version` is where the database stands now. */
export class MigrationFailed extends Error {
  override readonly name = 'MigrationFailed'
  constructor (readonly file: string, readonly version: number, cause: unknown) {
    super(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

export interface Advancing {
  roleName: string
  target: number
  direction: 'up' | 'down'
  timing: FleetTiming
  /** Called when a file is committed. */
  onFile: (name: string) => void | Promise<void>
  /** Those of this code unless given. */
  files?: readonly MigrationFile[]
}

/**
 * A file's SQL and its row in `pgmigrations` are one transaction. A database already there, or beyond, is left alone.
 * After an error the connection is to be closed: it may stand inside a transaction.
 * @throws MigrationFailed; PostgreSQL's errors
 */
export async function advanceDatabase (client: ClientBase, work: Advancing): Promise<Advance> {
  await prepare(client, work)
  const names = await appliedNames(client)
  const files = work.files ?? loadMigrations('tenant')
  checkOrder(names, files)
  const done: Advance = { applied: [], version: names.length }
  for (const file of pending(names.length, work, files)) {
    try {
      await patiently(client, work.timing, () => apply(client, file, work.direction))
    } catch (error) {
      throw new MigrationFailed(file.name, done.version, error)
    }
    done.applied.push(file.name)
    done.version += work.direction === 'up' ? 1 : -1
    await work.onFile(file.name)
  }
  return done
}

async function prepare (client: ClientBase, { roleName, timing }: Advancing): Promise<void> {
  const settings = `SET statement_timeout = ${timing.statementTimeoutMs}; SET lock_timeout = ${timing.lockTimeoutMs}`
  const enter = () => client.query(`${settings}; SET ROLE ${escapeIdentifier(roleName)}; SELECT pg_advisory_lock(${MIGRATION_LOCK})`)
  try {
    await patiently(client, timing, enter)
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error
    await allowActingAs(client, roleName)
    await patiently(client, timing, enter)
  }
}

async function appliedNames (client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('SELECT name FROM pgmigrations ORDER BY run_on, id')
  return rows.map(({ name }) => name)
}

function checkOrder (names: readonly string[], files: readonly MigrationFile[]): void {
  const odd = names.findIndex((name, index) => index < files.length && files[index]?.name !== name)
  if (odd >= 0) throw new Error(`The database has ${names[odd] ?? ''} where this code has ${files[odd]?.name ?? ''}: it was migrated by code of another line`)
}

function pending (version: number, { target, direction }: Advancing, files: readonly MigrationFile[]): readonly MigrationFile[] {
  if (direction === 'up') return files.slice(version, target)
  if (version > files.length) throw new Error(`The database is at version ${version}, of which this code knows ${files.length}: only newer code can take it back`)
  return files.slice(target, version).reverse()
}

async function apply (client: ClientBase, file: MigrationFile, direction: 'up' | 'down'): Promise<void> {
  const sql = direction === 'up' ? file.up : file.down
  if (sql === undefined) throw new Error('it has no way back')
  const mark = direction === 'up'
    ? `INSERT INTO pgmigrations (name, run_on) VALUES (${escapeLiteral(file.name)}, now())`
    : `DELETE FROM pgmigrations WHERE name = ${escapeLiteral(file.name)}`
  if (file.transactional) {
    await client.query(`BEGIN;\n${sql}\n;${mark};\nCOMMIT`)
    return
  }
  await dropUnfinishedIndexes(client)
  for (const { text } of splitStatements(sql)) await client.query(text)
  await client.query(mark)
}

/** What CREATE INDEX CONCURRENTLY leaves when it fails or is cut off: made again, it would be found there and passed over. */
async function dropUnfinishedIndexes (client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ name: string }>('SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid')
  for (const { name } of rows) await client.query(`DROP INDEX CONCURRENTLY ${name}`)
}

async function patiently (client: ClientBase, { lockTries, firstPauseMs }: FleetTiming, attempt: () => Promise<unknown>): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      await attempt()
      return
    } catch (error) {
      if (tried >= lockTries || !(error instanceof DatabaseError) || (error.code !== LOCK_NOT_AVAILABLE && error.code !== DEADLOCK_DETECTED)) throw error
      await client.query('ROLLBACK')
      await pause(firstPauseMs * 2 ** (tried - 1) * (0.75 + Math.random() / 2))
    }
  }
}
