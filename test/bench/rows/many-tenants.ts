// Reads over 200 databases with 30 connections in all, beside a plain cache of 100 pools of 2, and beside PgBouncer with the same cap.
import { type Bench, inPairs, type Row } from '../bench.js'
import { type Finding, type Skipped } from '../finding.js'
import { type Organization, startKoinonia } from '../koinonia.js'
import { startLoad } from '../load/load.js'
import { type LoadReport, type Target } from '../load/targets.js'
import { memberReadSql } from '../member-read.js'
import { startPeer } from '../peer.js'
import { pgBouncerMissing, startPgBouncer } from '../pgbouncer.js'
import { watchConnections } from '../watch-connections.js'
import { readsOf } from './warm-read.js'

export const manyTenants: Row = { name: 'many-tenants', about: 'reads over 200 databases (or --databases), Zipf 1.1, 30 connections in all, 40 and 200 callers; beside a plain cache of 100 pools of 2, and PgBouncer with 30 connections', run }

const connections = 30
const zipf = 1.1
/** The most asked tenants, by Zipf's law about half of all requests. */
const hot = 10
const cases = [{ callers: 40, goals: { cache: 1, pgBouncer: 1.5 } }, { callers: 200, goals: { cache: 1.35, pgBouncer: 2.3 } }]
/** Of one database through PgBouncer: as many as Koinonia gives one. */
const perDatabase = 8

interface Peer { name: 'cache' | 'pgBouncer', against: string, url: string }

interface Measured { report: LoadReport, most: number }

async function run (bench: Bench): Promise<Array<Finding | Skipped>> {
  const { databases = 200 } = bench
  const koinonia = await startKoinonia(bench, { spares: databases, settings: { DATABASE_MAX_CONNECTIONS: String(connections), DATABASE_REGISTRY_CONNECTIONS: '4', DATABASE_WAIT_MS: '20000' } })
  bench.say(`signing up ${databases} organizations`)
  const organizations: Organization[] = []
  while (organizations.length < databases) organizations.push(await koinonia.makeOrganization(1))
  const urls = await koinonia.databasesOf(organizations)
  const sql = await memberReadSql()
  const peers: Peer[] = [{ name: 'cache', against: 'cache of 100 pools of 2', url: (await startPeer(bench, 'pool-cache', { databases: urls, sql })).url }]
  const bouncer = await startPgBouncer(bench, { connections, perDatabase })
  if (bouncer !== undefined) {
    const databases = Object.fromEntries(Object.entries(urls).map(([id, url]) => [id, bouncer.urlOf(new URL(url).pathname.slice(1))]))
    const { url } = await startPeer(bench, 'pool-cache', { databases, sql, each: perDatabase, prepare: bouncer.prepares })
    peers.push({ name: 'pgBouncer', against: `PgBouncer ${bouncer.version}, ${connections} connections`, url })
  }
  const load = await startLoad()
  bench.defer(load.stop)

  const measure = async (whose: 'koinonia' | 'peer', url: string, callers: number): Promise<Measured> => {
    const watch = await watchConnections(bench, whose)
    const report = await load.run({ url, connections: callers, seconds: bench.seconds, zipf, targets: readsOfAll(organizations, whose) })
    return { report, most: (await watch.stop()).most }
  }
  const findings: Array<Finding | Skipped> = []
  for (const peer of peers) {
    for (const { callers, goals } of cases) {
      const { ours, theirs } = await inPairs(bench, () => measure('koinonia', koinonia.url, callers), () => measure('peer', peer.url, callers),
        ({ report, most }) => `${Math.round(report.perSecond)}/s on ${most} connections`)
      findings.push(...describeCase(databases, callers, peer.against, goals[peer.name], ours, theirs))
    }
  }
  if (bouncer === undefined) findings.push({ row: 'many-tenants', skipped: pgBouncerMissing })
  return findings
}

function readsOfAll (organizations: Organization[], whose: 'koinonia' | 'peer'): Target[] {
  return organizations.flatMap((organization, rank) =>
    readsOf(organization, whose === 'peer' ? { 'x-tenant': organization.tenantId } : organization.headers, rank < hot ? 'hot' : 'cold'))
}

function describeCase (databases: number, callers: number, against: string, goal: number, ours: Measured[], theirs: Measured[]): Finding[] {
  const row = 'many-tenants'
  const p99 = ({ report }: Measured) => report.latency['all']?.p99 ?? NaN
  const cold = ({ report }: Measured) => report.latency['cold']?.p95 ?? NaN
  const refused = [...ours, ...theirs].map(({ report }) => report.refused).filter((statuses) => Object.keys(statuses).length > 0)
  return [{
    row,
    work: `reads over ${databases} databases, ${callers} callers`,
    against,
    unit: 'requests/s',
    ours: ours.map(({ report }) => report.perSecond),
    theirs: theirs.map(({ report }) => report.perSecond),
    goal: { atLeast: goal },
    notes: refused.length > 0 ? [`not 2xx: ${JSON.stringify(refused)}`] : []
  }, {
    row, work: `p99, ${callers} callers`, against, unit: 'ms', ours: ours.map(p99), theirs: theirs.map(p99), notes: []
  }, {
    row, work: `p95 of all but the ${hot} hottest, ${callers} callers`, against, unit: 'ms', ours: ours.map(cold), theirs: theirs.map(cold), notes: []
  }, {
    row,
    work: `connections at most, ${callers} callers`,
    unit: 'connections',
    ours: ours.map(({ most }) => most),
    goal: { atMost: connections },
    notes: [`the other opened up to ${Math.max(...theirs.map(({ most }) => most))}`]
  }]
}
