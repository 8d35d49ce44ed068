// A PostgreSQL server that can be killed, restarted and left dead for a while; its address stays the same.
import pg from 'pg'
import { pino } from 'pino'
import { endOrphans, readPostmasterFile } from '../../../src/sandbox/postgres/postmaster-file.js'
import { startEmbeddedPostgres } from '../../../src/sandbox/postgres/start-embedded-postgres.js'

export interface Cluster {
  /** The administrator's URL. */
  adminUrl: string
  /** kill -9 of the server with all of its backends. */
  kill: () => Promise<void>
  /** As `pg_ctl stop -m fast`. */
  stop: () => Promise<void>
  /** Resolves when it takes connections. */
  start: () => Promise<void>
}

/** Durable: what is killed here must not have lost a commit that it has confirmed. */
export async function startCluster (dataDir: string): Promise<Cluster> {
  const open = () => startEmbeddedPostgres({ dataDir, durable: true, log: pino({ level: 'silent' }) })
  let postgres = await open()
  const { adminUrl } = postgres
  const folder = await dataFolder(adminUrl)
  return {
    adminUrl,
    async kill () {
      process.kill((await readPostmasterFile(folder))?.pid ?? NaN, 'SIGKILL')
      await endOrphans(folder)
    },
    stop: () => postgres.stop(),
    async start () { postgres = await open() }
  }
}

/** URL of a new database on the server. */
export async function makeDatabase (adminUrl: string, name: string): Promise<string> {
  await ask(adminUrl, `CREATE DATABASE ${name}`)
  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  return url.href
}

async function dataFolder (adminUrl: string): Promise<string> {
  const [row] = await ask<{ folder: string }>(adminUrl, "SELECT current_setting('data_directory') AS folder")
  return row!.folder
}

async function ask<Row extends pg.QueryResultRow> (url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}
