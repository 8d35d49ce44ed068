// Brings one database to the newest version of a migration folder, in this process, over a connection it is given.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runner } from 'node-pg-migrate'
import { type ClientBase } from 'pg'
import { type Logger } from 'pino'
import { packageRoot } from '../config.js'

export type MigrationFolder = 'registry' | 'tenant'

export interface MigrationResult {
  /** Names of the files applied now, in order; empty when the database was current. */
  applied: string[]
  /** Files applied in all. A database that newer code has migrated has more than this code knows. */
  version: number
}

const folderPath = (folder: MigrationFolder): string => join(packageRoot, 'migrations', folder)

/** Absolute paths in the order they are applied. */
export function migrationFiles (folder: MigrationFolder): string[] {
  return readdirSync(folderPath(folder)).filter((name) => !name.startsWith('.')).sort().map((name) => join(folderPath(folder), name))
}

/**
 * Each file is a transaction of its own. On an error the connection may be left inside one: close it, do not use it again.
 * Callers hold a lock of their own, so that two never migrate one database at once.
 * @throws Error naming the file, with PostgreSQL's error as its cause.
 */
export async function applyMigrations (client: ClientBase, folder: MigrationFolder, log: Logger): Promise<MigrationResult> {
  const done = await runner({
    dbClient: client,
    dir: folderPath(folder),
    direction: 'up',
    migrationsTable: 'pgmigrations',
    noLock: true,
    // A database migrated by newer code is served, not refused: the order is checked for what both know.
    checkOrder: true,
    logger: quiet(log)
  })
  const { rows: [count] } = await client.query<{ version: number }>('SELECT count(*)::integer AS version FROM pgmigrations')
  return { applied: done.map(({ name }) => name), version: count?.version ?? 0 }
}

function quiet (log: Logger) {
  const debug = (message: string): void => { log.debug(message) }
  return { debug, info: debug, warn: (message: string) => { log.warn(message) }, error: (message: string) => { log.error(message) } }
}
