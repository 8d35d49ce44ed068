// A carrier's delivery events, verified and committed before they are answered, beside Fastify + one bare INSERT without verification.
import { generateKeyPairSync } from 'node:crypto'
import pg from 'pg'
import { type Bench, inPairs, type Row } from '../bench.js'
import { cpuSeconds } from '../child.js'
import { type Finding, quantile } from '../finding.js'
import { startKoinonia } from '../koinonia.js'
import { startWebhooks } from '../load/load.js'
import { type LoadReport } from '../load/targets.js'
import { type Peer, startPeer } from '../peer.js'

export const webhookIngress: Row = { name: 'webhook-ingress', about: 'signed delivery events, verified and durable, 50 and 200 callers; beside Fastify + one bare INSERT, no verification', run }

/** `cpuMicroseconds`: of the server's own process for one request; what else the machine does hardly changes it. */
type Measured = LoadReport & { cpuMicroseconds: number }

/** Callers, and what ratio of requests/s to reach with so many. */
const loads = [{ callers: 50, atLeast: 0.9 }, { callers: 200, atLeast: 1.2 }]

async function run (bench: Bench): Promise<Finding[]> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  // An Ed25519 SubjectPublicKeyInfo is a fixed 12-byte header and the 32 bytes of the key.
  const koinonia = await startKoinonia(bench, { settings: { TELNYX_PUBLIC_KEY: publicKey.export({ format: 'der', type: 'spki' }).subarray(12).toString('base64') } })
  const database = await bench.makeRegistry()
  const peer = await startPeer(bench, 'ledger', { database })
  const carrier = await startWebhooks(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString())
  bench.defer(carrier.stop)
  const [ours, theirs] = [await openLedger(bench, koinonia.registryUrl), await openLedger(bench, database)]
  const measure = async ({ url, child }: Peer, ledger: pg.Client, connections: number): Promise<Measured> => {
    const cpu = cpuSeconds(child)
    const report = await carrier.run({ url, connections, seconds: bench.seconds })
    // With what the ramp took, which is as little on both sides.
    const cpuMicroseconds = (cpuSeconds(child) - cpu) / report.answered * 1e6
    const { rows: [row] } = await ledger.query<{ kept: number }>('SELECT count(*)::int AS kept FROM webhook_events')
    if ((row?.kept ?? 0) < report.answered) throw new Error(`${report.answered} events were answered, and only ${row?.kept ?? 0} are in the ledger`)
    await ledger.query('TRUNCATE webhook_events')
    return { ...report, cpuMicroseconds }
  }
  const findings: Finding[] = []
  for (const { callers, atLeast } of loads) {
    const found = await inPairs(bench, () => measure(koinonia, ours, callers), () => measure(peer, theirs, callers), (report) => `${Math.round(report.perSecond)}/s, p99 ${p99(report).toFixed(1)} ms, ${Math.round(report.cpuMicroseconds)} µs of CPU each`)
    const common = { row: 'webhook-ingress', against: 'Fastify + one bare INSERT' }
    const figures = (figure: (report: Measured) => number) => ({ ours: found.ours.map(figure), theirs: found.theirs.map(figure) })
    findings.push({
      ...common,
      work: `events kept, ${callers} callers`,
      unit: 'requests/s',
      ...figures(({ perSecond }) => perSecond),
      goal: { atLeast },
      notes: ['without a worker: what is kept is worked off by another process', describe('ours', found.ours), describe('theirs', found.theirs)]
    }, { ...common, work: `their p99, ${callers} callers`, unit: 'ms', ...figures(p99), goal: { atMost: 1 }, notes: [] })
  }
  return findings
}

async function openLedger (bench: Bench, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'bench' })
  await client.connect()
  bench.defer(() => client.end())
  return client
}

function p99 (report: LoadReport): number {
  return report.latency['all']?.p99 ?? NaN
}

function describe (whose: string, reports: Measured[]): string {
  const typical = (figure: (report: Measured) => number) => quantile(reports.map(figure), 0.5)
  return `${whose}: p50 ${typical(({ latency }) => latency['all']?.p50 ?? NaN).toFixed(1)} ms, CPU ${Math.round(typical(({ cpuMicroseconds }) => cpuMicroseconds))} µs a request, generator ${typical(({ generatorCpu }) => generatorCpu).toFixed(2)} cores, ` +
    `not 2xx ${JSON.stringify(reports.flatMap(({ refused }) => Object.entries(refused)))}`
}
