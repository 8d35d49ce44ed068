// The ground of a benchmark run: a throw-away but durable PostgreSQL with its default settings, and what each row is told.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { migrateRegistry } from '../../src/registry/migrate.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/sandbox/postgres/start-embedded-postgres.js'
import { type Finding, type Skipped } from './finding.js'

export const silent = pino({ level: 'silent' })

export interface Bench {
  postgres: EmbeddedPostgres
  /** The server's: what lies here belongs to its databases. */
  folder: string
  /** Pairs of measurements. */
  runs: number
  /** Length of one measurement. */
  seconds: number
  /** Tenant databases of the rows with many, instead of as many as each has by itself. */
  databases?: number
  /** Length of the broadcast by which memory is watched. */
  texts: number
  /** For the person who waits. */
  say: (text: string) => void
  /** A new, migrated registry database. */
  makeRegistry: () => Promise<string>
  /** Runs at the end of the row, last first. */
  defer: (close: () => Promise<unknown>) => void
}

export interface Row {
  name: string
  about: string
  run: (bench: Bench) => Promise<Array<Finding | Skipped>>
}

/** Room for what the peers open, too. */
const maxConnections = 400

/** In `kept`, a folder that outlives the run, or in one that goes with `stop`. */
export async function startPostgres (kept?: string): Promise<Pick<Bench, 'postgres' | 'folder'>> {
  const folder = kept ?? await mkdtemp(path.join(tmpdir(), 'koinonia-bench-'))
  const postgres = await startEmbeddedPostgres({ dataDir: folder, maxConnections, log: silent })
  const stop = async (): Promise<void> => {
    await postgres.stop()
    if (kept === undefined) await rm(folder, { recursive: true, force: true })
  }
  return { folder, postgres: { ...postgres, stop } }
}

/** Runs a row on the server and closes whatever it opened. */
export async function runRow (row: Row, { say, ...told }: Pick<Bench, 'postgres' | 'folder' | 'runs' | 'seconds' | 'databases' | 'texts' | 'say'>): Promise<Array<Finding | Skipped>> {
  const closers: Array<() => Promise<unknown>> = []
  const bench: Bench = {
    ...told,
    say: (text) => { say(`${row.name}: ${text}`) },
    makeRegistry: () => makeRegistry(told.postgres.adminUrl),
    defer: (close) => closers.push(close)
  }
  try {
    return await row.run(bench)
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

/**
 * Measures ours, theirs, ours, theirs, … after a warm-up of each, unless both begin cold each time; what else uses the machine then
 * hits both alike.
 */
export async function inPairs<Measured> (bench: Bench, ours: () => Promise<Measured>, theirs: () => Promise<Measured>, describe: (measured: Measured) => string, begin: 'warm' | 'cold' = 'warm'): Promise<{ ours: Measured[], theirs: Measured[] }> {
  if (begin === 'warm') {
    bench.say('warming up')
    // Twice: on a busy machine the first does not always suffice for all hot code to be compiled.
    for (const side of [ours, ours, theirs, theirs]) await side()
  }
  const found: { ours: Measured[], theirs: Measured[] } = { ours: [], theirs: [] }
  for (let run = 1; run <= bench.runs; run++) {
    const our = await ours()
    const their = await theirs()
    found.ours.push(our)
    found.theirs.push(their)
    bench.say(`run ${run} of ${bench.runs}: ${describe(our)} beside ${describe(their)}`)
  }
  return found
}

async function makeRegistry (adminUrl: string): Promise<string> {
  const name = `registry_${randomBytes(4).toString('hex')}`
  const admin = new pg.Client({ connectionString: adminUrl, application_name: 'bench' })
  await admin.connect()
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.end()
  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  await migrateRegistry(url.href, silent)
  return url.href
}
