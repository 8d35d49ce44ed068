// Warm authenticated read of a member, beside Fastify + pg with a named statement.
import { type Bench, inPairs, type Row } from '../bench.js'
import { cpuSeconds } from '../child.js'
import { type Finding } from '../finding.js'
import { type Koinonia, type Organization, startKoinonia } from '../koinonia.js'
import { startLoad } from '../load/load.js'
import { type LoadReport, type Target } from '../load/targets.js'
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
    return { report, serverCpu: (cpuSeconds(child) - cpu) / bench.seconds }
  }
  const found = await inPairs(bench, () => measure(koinonia, organization.headers), () => measure(peer, {}),
    ({ report }) => `${Math.round(report.perSecond)}/s`)
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

function describe (whose: string, measured: Array<{ report: LoadReport, serverCpu: number }>): string {
  const last = measured.at(-1)
  if (last === undefined) return `${whose}: nothing`
  const { report, serverCpu } = last
  const { p50 = NaN, p99 = NaN } = report.latency['all'] ?? {}
  return `${whose}, last run: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, server ${serverCpu.toFixed(2)} cores, generator ${report.generatorCpu.toFixed(2)}, not 2xx ${JSON.stringify(report.refused)}`
}
