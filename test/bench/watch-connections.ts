// What the server really does during a measurement: its connections, looked at every 20 ms, those it opened, its processor time.
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { type Bench } from './bench.js'
import { cpuSeconds } from './child.js'

const everyMs = 20

export interface ServerWork {
  /** Connections in pg_stat_activity, those that come or go included. */
  most: number
  looks: number
  opened: number
  /** Of all its processes, ended ones included; NaN where /proc is missing. */
  cpuSeconds: number
}

export interface ConnectionWatch { stop: () => Promise<ServerWork> }

/** PgBouncer's role on the server; all others' connections have their tenants' roles. */
export const bouncerRole = 'bench_pgbouncer'

export type Side = 'koinonia' | 'peer' | 'pgBouncer'

/** What the sides that are not measured have left open. */
const idle = { koinonia: "application_name LIKE 'koinonia:%'", peer: `application_name = 'peer' AND usename <> '${bouncerRole}'`, pgBouncer: `usename = '${bouncerRole}'` }

/** Counts all connections but the benchmark's own and the other sides'; one that has not told its name yet is the measured side's. */
export async function watchConnections ({ postgres }: Bench, whose: Side): Promise<ConnectionWatch> {
  const client = new pg.Client({ connectionString: postgres.adminUrl, application_name: 'bench' })
  await client.connect()
  await untilQuiet(client)
  const postmaster = await postmasterOf(client)
  const others = Object.entries(idle).filter(([side]) => side !== whose).map(([, condition]) => `(${condition})`).join(' OR ')
  let most = 0
  let looks = 0
  const stop = new AbortController()
  const [sessions, cpu] = [await sessionsOf(client), treeCpuSeconds(postmaster)]
  const watching = (async () => {
    while (!stop.signal.aborted) {
      const begun = performance.now()
      const { rows } = await client.query<{ count: number }>({
        name: 'count',
        text: `SELECT count(*)::integer AS count FROM pg_stat_activity
          WHERE backend_type = 'client backend' AND application_name IS DISTINCT FROM 'bench' AND (${others}) IS NOT TRUE`
      })
      most = Math.max(most, rows[0]?.count ?? 0)
      looks++
      await pause(Math.max(1, everyMs - (performance.now() - begun)))
    }
  })()
  return {
    async stop () {
      stop.abort()
      await watching
      const work = { most, looks, opened: await sessionsOf(client) - sessions, cpuSeconds: treeCpuSeconds(postmaster) - cpu }
      await client.end()
      return work
    }
  }
}

/** Waits until the server has nothing left to do of the last measurement: its callers are gone, their requests may not be. */
async function untilQuiet (client: pg.Client): Promise<void> {
  for (let quiet = 0; quiet < 5;) {
    await pause(everyMs)
    const { rows } = await client.query<{ busy: boolean }>(`SELECT EXISTS (SELECT FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state IS DISTINCT FROM 'idle') AS busy`)
    quiet = rows[0]?.busy === false ? quiet + 1 : 0
  }
}

/** Sessions that the server has counted; it does so as they end, or a second after they began. */
async function sessionsOf (client: pg.Client): Promise<number> {
  const { rows: [row] } = await client.query<{ sessions: number }>('SELECT sum(sessions)::integer AS sessions FROM pg_stat_database')
  return row?.sessions ?? NaN
}

/** NaN where /proc is missing. */
async function postmasterOf (client: pg.Client): Promise<number> {
  const { rows: [row] } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  try {
    return Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${row?.pid ?? 0}/status`, 'utf8'))?.[1])
  } catch {
    return NaN
  }
}

/** Of a process, its children, and those of them that have ended. */
function treeCpuSeconds (pid: number): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    const living = children.map((child) => cpuSeconds({ pid: Number(child) })).filter((seconds) => !Number.isNaN(seconds))
    return cpuSeconds({ pid }, 'with ended children') + living.reduce((sum, seconds) => sum + seconds, 0)
  } catch {
    return NaN
  }
}
