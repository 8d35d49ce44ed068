// What a quiet tenant feels of a noisy one, and of forty busy ones.
import { type Bench, inPairs, type Row } from '../bench.js'
import { type Finding } from '../finding.js'
import { type Organization, startKoinonia } from '../koinonia.js'
import { startLoad, startProbe } from '../load/load.js'
import { type LoadReport, type Target } from '../load/targets.js'
import { readsOf } from './warm-read.js'

export const noisyNeighbour: Row = { name: 'noisy-neighbour', about: 'p95 of a quiet tenant beside one with 200 callers, and beside 40 busy ones with 5 each', run }

const noise = 200
const busyTenants = 40
const everyMs = 20

async function run (bench: Bench): Promise<Finding[]> {
  const koinonia = await startKoinonia(bench, { spares: busyTenants + 2, settings: { DATABASE_WAIT_MS: '20000' } })
  const quiet = await koinonia.makeOrganization(1)
  const noisy = await koinonia.makeOrganization(200)
  const busy: Organization[] = []
  while (busy.length < busyTenants) busy.push(await koinonia.makeOrganization(5))
  const [load, probe] = await Promise.all([startLoad(), startProbe()])
  bench.defer(load.stop)
  bench.defer(probe.stop)
  const [target] = readsOf(quiet, quiet.headers)
  if (target === undefined) throw new Error('No member')

  const alone = () => probe.run({ url: koinonia.url, everyMs, seconds: bench.seconds, target })
  const beside = (targets: Target[]) => async (): Promise<LoadReport> => {
    // A second longer on either side, so that the noise is there all the time.
    const noisily = load.run({ url: koinonia.url, connections: noise, seconds: bench.seconds + 2, targets })
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const [report] = await Promise.all([alone(), noisily])
    return report
  }
  const lists = [{ path: '/api/members?limit=100', headers: noisy.headers, group: 'all' }]
  const p95 = (report: LoadReport) => report.latency['all']?.p95 ?? NaN
  const say = (report: LoadReport) => `p95 ${p95(report).toFixed(1)} ms`

  const reading = await inPairs(bench, beside(readsOf(noisy, noisy.headers)), alone, say)
  const listing = await inPairs(bench, beside(lists), alone, say)
  const crowd = await inPairs(bench, beside(busy.flatMap((organization) => readsOf(organization, organization.headers))), alone, say)
  const finding = (work: string, { ours, theirs }: typeof reading, goal?: Finding['goal']): Finding => ({
    row: 'noisy-neighbour', work, against: 'the quiet tenant alone', unit: 'ms', ours: ours.map(p95), theirs: theirs.map(p95), ...(goal === undefined ? {} : { goal }), notes: []
  })
  return [
    finding(`p95 beside one tenant, ${noise} callers reading`, reading, { atMost: 2 }),
    finding(`p95 beside one tenant, ${noise} callers listing`, listing, { atMost: 2 }),
    finding(`p95 beside ${busyTenants} tenants, ${noise} callers`, crowd, { atMost: 50, alone: true })
  ]
}
