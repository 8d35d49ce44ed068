// The peer of a fleet migration: the same SQL by psql, in parallel over all databases; by pg's own client where there is no psql.
import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { type MigrationFile } from '../../src/registry/migration-files.js'
import { findPsql } from './find-psql.js'

interface Place { adminUrl: string, defer: (close: () => Promise<unknown>) => void }

export interface ParallelPsql {
  /** Undefined when it is not installed. */
  psql: string | undefined
  against: string
  migrate: () => Promise<void>
}

const execute = promisify(execFile)

/** `names` of databases, each owned by a role of the same name; so many at once. */
export async function parallelPsql ({ adminUrl, defer }: Place, names: string[], pending: readonly MigrationFile[], atOnce: number): Promise<ParallelPsql> {
  const url = new URL(adminUrl)
  const psql = findPsql()
  if (psql === undefined) {
    return { psql, against: 'pg\'s client in parallel, same SQL (no psql here)', migrate: async () => { await withClients(url, names, scriptOf(pending), atOnce) } }
  }
  const script = path.join(tmpdir(), `koinonia-bench-${process.pid}.sql`)
  const list = `${script}.names`
  await writeFile(script, ['SET ROLE :"DBNAME";', ...scriptOf(pending)].join('\n'))
  await writeFile(list, names.join('\n'))
  defer(() => Promise.all([rm(script), rm(list)]))
  const env = { PATH: process.env['PATH'], PGHOST: url.hostname, PGPORT: url.port, PGUSER: decodeURIComponent(url.username), PGPASSWORD: decodeURIComponent(url.password) }
  return {
    psql,
    against: 'psql in parallel, same SQL',
    // xargs spawns more cheaply than this process would.
    async migrate () { await execute('xargs', ['-a', list, '-P', String(atOnce), '-I', '{}', psql, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', script, '-d', '{}'], { env }) }
  }
}

/** The same SQL, in the same transactions, with the same notes in pgmigrations. */
function scriptOf (pending: readonly MigrationFile[]): string[] {
  return pending.map(({ name, up }) => `BEGIN;\n${up}\n;INSERT INTO pgmigrations (name, run_on) VALUES ('${name}', now());\nCOMMIT;`)
}

async function withClients (url: URL, names: string[], script: string[], atOnce: number): Promise<void> {
  const waiting = [...names]
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const client = new pg.Client({ connectionString: Object.assign(new URL(url), { pathname: `/${name}` }).href })
      await client.connect()
      await client.query(`SET ROLE ${pg.escapeIdentifier(name)}`)
      for (const statements of script) await client.query(statements)
      await client.end()
    }
  }))
}
