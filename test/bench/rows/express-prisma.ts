// The same read beside Express + Prisma with one client per tenant, and what a tenant costs in memory.
import { type ChildProcess } from 'node:child_process'
import { type Bench, inPairs, type Row } from '../bench.js'
import { residentMegabytes } from '../child.js'
import { type Finding, type Skipped } from '../finding.js'
import { type Organization, startKoinonia } from '../koinonia.js'
import { startLoad } from '../load/load.js'
import { type Target } from '../load/targets.js'
import { howToInstall, startInstalledPeer } from '../peer.js'
import { readsOf } from './warm-read.js'

export const expressPrisma: Row = { name: 'express-prisma', about: 'the same beside Express + Prisma with one client per tenant; memory of a cached tenant', run }

const callers = 50
const tenants = 40

async function run (bench: Bench): Promise<Array<Finding | Skipped>> {
  const koinonia = await startKoinonia(bench, { spares: tenants })
  const organizations: Organization[] = []
  while (organizations.length < tenants) organizations.push(await koinonia.makeOrganization(5))
  const peer = await startInstalledPeer(bench, 'express-prisma', { databases: await koinonia.databasesOf(organizations) })
  if (peer === undefined) return [{ row: 'express-prisma', skipped: howToInstall('express-prisma') }]
  const load = await startLoad()
  bench.defer(load.stop)
  const read = async (url: string, targets: Target[]) => load.run({ url, connections: callers, seconds: bench.seconds, targets })
  const [first] = organizations
  if (first === undefined) throw new Error('No organization')
  const found = await inPairs(bench,
    () => read(koinonia.url, readsOf(first, first.headers)),
    () => read(peer.url, readsOf(first, { 'x-tenant': first.tenantId })), ({ perSecond }) => `${Math.round(perSecond)}/s`)

  const grows = async (url: string, child: ChildProcess, headersOf: (organization: Organization) => Record<string, string>): Promise<number> => {
    const before = residentMegabytes(child)
    await read(url, organizations.flatMap((organization) => readsOf(organization, headersOf(organization))))
    return Math.max(0, residentMegabytes(child) - before) * 1024 / (tenants - 1)
  }
  const ours = await grows(koinonia.url, koinonia.child, ({ headers }) => headers)
  const theirs = await grows(peer.url, peer.child, ({ tenantId }) => ({ 'x-tenant': tenantId }))
  return [{
    row: 'express-prisma',
    work: `read a member, ${callers} callers`,
    against: 'Express + Prisma',
    unit: 'requests/s',
    ours: found.ours.map(({ perSecond }) => perSecond),
    theirs: found.theirs.map(({ perSecond }) => perSecond),
    goal: { atLeast: 4 },
    notes: []
  }, {
    row: 'express-prisma',
    work: `memory of each further tenant, of ${tenants}`,
    against: 'Express + Prisma',
    unit: 'KB',
    ours: [ours],
    theirs: [theirs],
    goal: { atMost: 1 / 50 },
    notes: ['growth of the resident set when all are read after one has been read for long; a single measurement']
  }]
}
