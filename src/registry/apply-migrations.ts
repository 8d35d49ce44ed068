// Brings one database to the newest version of a migration folder, in this process, over a connection it is given.
import { type RunnerOption } from 'node-pg-migrate'
import { type ClientBase } from 'pg'
import { type Logger } from 'pino'
import { folderPath, loadMigrations, type MigrationFile, type MigrationFolder } from './migration-files.js'
import { splitStatements } from './sql-statements.js'

export { migrationFiles, type MigrationFolder } from './migration-files.js'

export interface MigrationResult {
  /** Names of the files applied now, or taken back, in order; empty when the database was where it should be. */
  applied: string[]
  /** Files applied in all. A database that newer code has migrated has more than this code knows. */
  version: number
}

/**
 * Each file is a transaction of its own. On an error the connection may be left inside one: close it, do not use it again.
 * Callers hold a lock of their own, so that two never migrate one database at once.
 * @throws Error naming the file, with PostgreSQL's error as its cause.
 */
export async function applyMigrations (client: ClientBase, folder: MigrationFolder, log: Logger): Promise<MigrationResult> {
  const { runner } = await loadRunner()
  const done = await runner({ ...optionsFor(client, folder, log), direction: 'up' })
  return { applied: done.map(({ name }) => name), version: await countApplied(client) }
}

/**
 * The same to a version that is not the newest. Lower than the database's, it takes files back, the last one first.
 * @throws as applyMigrations; Error when a file to be taken back has no way back
 */
export async function applyMigrationsTo (client: ClientBase, folder: MigrationFolder, log: Logger, target: number): Promise<MigrationResult> {
  const { runner } = await loadRunner()
  const options = optionsFor(client, folder, log)
  // With a count of none it only makes its table, where there is none yet.
  await runner({ ...options, direction: 'up', count: 0 })
  const version = await countApplied(client)
  if (version === target) return { applied: [], version }
  const done = await runner({ ...options, direction: version < target ? 'up' : 'down', count: Math.abs(target - version) })
  return { applied: done.map(({ name }) => name), version: await countApplied(client) }
}

async function countApplied (client: ClientBase): Promise<number> {
  const { rows: [count] } = await client.query<{ version: number }>('SELECT count(*)::integer AS version FROM pgmigrations')
  return count?.version ?? 0
}

/** With all that it brings it is a tenth of the start of a command, and few commands migrate anything. */
const loadRunner = () => import('node-pg-migrate')

type Options = Omit<Extract<RunnerOption, { dbClient: unknown }>, 'direction'>

function optionsFor (client: ClientBase, folder: MigrationFolder, log: Logger): Options {
  return {
    dbClient: client,
    dir: folderPath(folder),
    migrationsTable: 'pgmigrations',
    noLock: true,
    // A database migrated by newer code is served, not refused: the order is checked for what both know.
    checkOrder: true,
    logger: quiet(log),
    migrationLoaderStrategies: [{ extensions: ['.sql'], loader: async () => loadMigrations(folder).map(unitOf) }]
  }
}

/** node-pg-migrate's own loader knows no file without a transaction. */
function unitOf (file: MigrationFile) {
  const { down } = file
  return {
    id: file.path,
    filePaths: [file.path],
    actions: { up: (builder: Builder) => { build(builder, file, file.up) }, down: down === undefined ? false as const : (builder: Builder) => { build(builder, file, down) } }
  }
}

interface Builder { sql: (sql: string) => void, noTransaction: () => void }

function build (builder: Builder, { transactional }: MigrationFile, sql: string): void {
  if (transactional) {
    builder.sql(sql)
    return
  }
  builder.noTransaction()
  // Several statements sent as one would be one transaction.
  for (const { text } of splitStatements(sql)) builder.sql(text)
}

function quiet (log: Logger) {
  const debug = (message: string): void => { log.debug(message) }
  return { debug, info: debug, warn: (message: string) => { log.warn(message) }, error: (message: string) => { log.error(message) } }
}
