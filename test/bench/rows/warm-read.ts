// Warm authenticated read of a member, beside Fastify + pg with a named statement.
import { type Bench, inPairs, type Row } from '../bench.js'
import { cpuSeconds } from '../child.js'
import { type Finding, quantile } from '../finding.js'
import { type Koinonia, type Organization, startKoinonia } from '../koinonia.js'
import { startLoad } from '../load/load.js'
import { type LoadReport, rampSeconds, type Target } from '../load/targets.js'
import { memberReadSql } from '../member-read.js'
import { startPeer } from '../peer.js'

export const warmRead: Row = { name: 'warm-read', about: 'a member read by bearer token, 50 callers; beside Fastify + pg, one database, no authentication', run }

const callers = 50
const members = 100

async function run (bench: Bench): Promise<Finding[]> {
  const koinonia = await startKoinonia(bench)
  const organization = await koinonia.makeOrganization(members)
  const peer = await startPeer(bench, 'fastify-pg', { database: (await koinonia.databasesOf([organization]))[organization.tenantId], sql: await memberReadSql() })
  const load = await startLoad()
  bench.defer(load.stop)
  const measure = async ({ url, child }: Pick<Koinonia, 'url' | 'child'>, headers: Record<string, string>) => {
    const cpu = cpuSeconds(child)
    const report = await load.run({ url, connections: callers, seconds: bench.seconds, targets: readsOf(organization, headers) })
    return { report, serverCpu: (cpuSeconds(child) - cpu) / (bench.seconds + rampSeconds) }
  }
  const found = await inPairs(bench, () => measure(koinonia, organization.headers), () => measure(peer, {}),
    (measured) => `${Math.round(measured.report.perSecond)}/s at ${microseconds(measured).toFixed(0)} µs`)
  return [{
    row: 'warm-read',
    work: `read a member, ${callers} callers`,
    against: 'Fastify + pg, named statement',
    unit: 'requests/s',
    ours: found.ours.map(({ report }) => report.perSecond),
    theirs: found.theirs.map(({ report }) => report.perSecond),
    goal: { atLeast: 0.85 },
    notes: [describe('ours', found.ours), describe('theirs', found.theirs)]
  }]
}

export function readsOf ({ memberIds }: Organization, headers: Record<string, string>, group = 'all'): Target[] {
  return memberIds.map((id) => ({ path: `/api/members/${id}`, headers, group }))
}

interface Measured { report: LoadReport, serverCpu: number }

/** What one request costs the server's own process: steadier than requests/s on a machine that others use too. */
function microseconds ({ report, serverCpu }: Measured): number {
  return serverCpu / report.perSecond * 1e6
}

function describe (whose: string, measured: Measured[]): string {
  const typical = (figure: (measured: Measured) => number | undefined) => quantile(measured.map((one) => figure(one) ?? NaN), 0.5)
  const ms = (share: 'p50' | 'p99') => typical(({ report }) => report.latency['all']?.[share]).toFixed(1)
  return `${whose}: p50 ${ms('p50')} ms, p99 ${ms('p99')} ms, ${typical(microseconds).toFixed(0)} µs of processor a request, ` +
    `server ${typical(({ serverCpu }) => serverCpu).toFixed(2)} cores, generator ${typical(({ report }) => report.generatorCpu).toFixed(2)}, ` +
    `not 2xx ${JSON.stringify(measured.flatMap(({ report }) => Object.entries(report.refused)))}`
}
