// Reads over many databases with 30 connections in all, beside a plain cache of 100 pools of 2, and beside PgBouncer with the same cap.
import { type ChildProcess } from 'node:child_process'
import { type Bench, inPairs, type Row } from '../bench.js'
import { cpuSeconds } from '../child.js'
import { type Finding, quantile, type Skipped } from '../finding.js'
import { type Organization } from '../koinonia.js'
import { startLoad } from '../load/load.js'
import { type LoadReport, type Target } from '../load/targets.js'
import { startWithMany } from '../many-organizations.js'
import { memberReadSql } from '../member-read.js'
import { startPeer } from '../peer.js'
import { pgBouncerMissing, startPgBouncer } from '../pgbouncer.js'
import { type PoolCacheSettings } from '../servers/pool-cache-settings.js'
import { type ServerWork, type Side, watchConnections } from '../watch-connections.js'
import { readsOf } from './warm-read.js'

export const manyTenants: Row = { name: 'many-tenants', about: 'reads over 200 databases (or --databases), Zipf 1.1, 30 connections in all, 40 and 200 callers; beside a plain cache of 100 pools of 2, and PgBouncer with 30 connections', run }

const connections = 30
const zipf = 1.1
/** The most asked tenants, by Zipf's law about half of all requests. */
const hot = 10
const cases = [{ callers: 40, goals: { peer: 1, pgBouncer: 1.5 } }, { callers: 200, goals: { peer: 1.35, pgBouncer: 2.3 } }]

interface Contender { side: Side, name: string, url: string, processes: ChildProcess[] }

/** Milliseconds of processor time a read: of the server and what stands before PostgreSQL, and of all. */
interface Measured { report: LoadReport, work: ServerWork, ownMs: number, cpuMs: number }

async function run (bench: Bench): Promise<Array<Finding | Skipped>> {
  const { databases = 200 } = bench
  const { koinonia, organizations } = await startWithMany(bench, databases, { DATABASE_MAX_CONNECTIONS: String(connections), DATABASE_REGISTRY_CONNECTIONS: '4', DATABASE_WAIT_MS: '20000' })
  const us: Contender = { side: 'koinonia', name: 'Koinonia', url: koinonia.url, processes: [koinonia.child] }
  const peers = await startPeers(bench, await koinonia.databasesOf(organizations))
  const load = await startLoad()
  bench.defer(load.stop)

  const measure = async ({ side, url, processes }: Contender, callers: number): Promise<Measured> => {
    const watch = await watchConnections(bench, side)
    const cpu = processes.map((process) => cpuSeconds(process))
    const report = await load.run({ url, connections: callers, seconds: bench.seconds, zipf, targets: readsOfAll(organizations, side) })
    const own = processes.reduce((sum, process, place) => sum + cpuSeconds(process) - (cpu[place] ?? NaN), 0)
    const work = await watch.stop()
    // Of the whole time, and so for the requests that are not counted because the callers were still coming as well.
    return { report, work, ownMs: own * 1000 / report.all, cpuMs: (own + work.cpuSeconds) * 1000 / report.all }
  }
  const findings: Array<Finding | Skipped> = []
  for (const peer of peers) {
    for (const { callers, goals } of cases) {
      const seen: Measured[] = []
      const ourTurn = async (): Promise<Measured> => {
        const measured = await measure(us, callers)
        seen.push(measured)
        return measured
      }
      const { ours, theirs } = await inPairs(bench, ourTurn, () => measure(peer, callers),
        ({ report, work, cpuMs }) => `${Math.round(report.perSecond)}/s, ${cpuMs.toFixed(2)} ms of processor each, ${work.most} connections`)
      findings.push(...describeCase({ databases, callers, against: peer.name, goal: peer.side === 'koinonia' ? 1 : goals[peer.side] }, ours, theirs, seen))
    }
  }
  if (peers.length === 1) findings.push({ row: 'many-tenants', skipped: pgBouncerMissing })
  return findings
}

async function startPeers (bench: Bench, urls: Record<string, string>): Promise<Contender[]> {
  const sql = await memberReadSql()
  const startCache = (settings: Omit<PoolCacheSettings, 'sql'>) => startPeer(bench, 'pool-cache', { ...settings, sql })
  const cache = await startCache({ databases: urls, name: 'peer' })
  const peers: Contender[] = [{ side: 'peer', name: 'cache of 100 pools of 2', url: cache.url, processes: [cache.child] }]
  const bouncer = await startPgBouncer(bench, connections)
  if (bouncer === undefined) return peers
  const databases = Object.fromEntries(Object.entries(urls).map(([id, url]) => [id, bouncer.urlOf(new URL(url).pathname.slice(1))]))
  // A caller's connection to PgBouncer costs next to nothing, so no pool of them is ever thrown away.
  const { url, child } = await startCache({ databases, pools: Object.keys(urls).length, each: bouncer.perDatabase, prepare: bouncer.prepares })
  return [...peers, { side: 'pgBouncer', name: `PgBouncer ${bouncer.version}, ${connections} connections`, url, processes: [child, bouncer.child] }]
}

function readsOfAll (organizations: Organization[], side: Side): Target[] {
  return organizations.flatMap((organization, rank) =>
    readsOf(organization, side === 'koinonia' ? organization.headers : { 'x-tenant': organization.tenantId }, rank < hot ? 'hot' : 'cold'))
}

function inPostgres (measured: Measured[]): string {
  return `${quantile(measured.map(({ cpuMs, ownMs }) => cpuMs - ownMs), 0.5).toFixed(2)} ms`
}

interface Case { databases: number, callers: number, against: string, goal: number }

function describeCase ({ databases, callers, against, goal }: Case, ours: Measured[], theirs: Measured[], seen: Measured[]): Finding[] {
  const refused = [...ours, ...theirs].map(({ report }) => report.refused).filter((statuses) => Object.keys(statuses).length > 0)
  const finding = (work: string, unit: string, figure: (measured: Measured) => number, more: Pick<Finding, 'goal' | 'notes'> = { notes: [] }): Finding =>
    ({ row: 'many-tenants', work: `${work}, ${callers} callers`, against, unit, ours: ours.map(figure), theirs: theirs.map(figure), ...more })
  const warmUps = seen.slice(0, seen.length - ours.length).map(({ work }) => work.most)
  return [
    finding(`reads over ${databases} databases`, 'requests/s', ({ report }) => report.perSecond,
      { goal: { atLeast: goal }, notes: refused.length > 0 ? [`not 2xx: ${JSON.stringify(refused)}`] : [] }),
    finding('processor time a read', 'ms', ({ cpuMs }) => cpuMs, { notes: [`of the server, what stands before PostgreSQL, and PostgreSQL, which used ${inPostgres(ours)} of ours and ${inPostgres(theirs)} of theirs`] }),
    finding('opened for 100 reads', 'connections', ({ report, work }) => work.opened * 100 / report.all),
    finding('p99', 'ms', ({ report }) => report.latency['all']?.p99 ?? NaN),
    finding(`p95 of all but the ${hot} hottest`, 'ms', ({ report }) => report.latency['cold']?.p95 ?? NaN),
    {
      ...finding('connections at most', 'connections', ({ work }) => work.most),
      goal: { atMost: connections, alone: true, promised: true },
      // The turns that warmed up are held to it as well.
      ours: ours.map(({ work }, turn) => Math.max(work.most, ...(turn === 0 ? warmUps : []))),
      notes: [`pg_stat_activity, looked at every 20 ms, ${quantile(seen.map(({ work }) => work.looks), 0.5)} times a turn`]
    }
  ]
}
