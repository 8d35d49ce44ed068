// The same read beside Express + Prisma with one client per tenant.
import { type Bench, inPairs, type Row } from '../bench.js'
import { type Finding, type Skipped } from '../finding.js'
import { startKoinonia } from '../koinonia.js'
import { startLoad } from '../load/load.js'
import { howToInstall, startInstalledPeer } from '../peer.js'
import { readsOf } from './warm-read.js'

export const expressPrisma: Row = { name: 'express-prisma', about: 'the same beside Express + Prisma with one client per tenant', run }

const callers = 50

async function run (bench: Bench): Promise<Array<Finding | Skipped>> {
  const koinonia = await startKoinonia(bench)
  const organization = await koinonia.makeOrganization(5)
  const peer = await startInstalledPeer(bench, 'express-prisma', { databases: await koinonia.databasesOf([organization]) })
  if (peer === undefined) return [{ row: 'express-prisma', skipped: howToInstall('express-prisma') }]
  const load = await startLoad()
  bench.defer(load.stop)
  const read = async (url: string, headers: Record<string, string>) => load.run({ url, connections: callers, seconds: bench.seconds, targets: readsOf(organization, headers) })
  const found = await inPairs(bench,
    () => read(koinonia.url, organization.headers),
    () => read(peer.url, { 'x-tenant': organization.tenantId }), ({ perSecond }) => `${Math.round(perSecond)}/s`)
  return [{
    row: 'express-prisma',
    work: `read a member, ${callers} callers`,
    against: 'Express + Prisma',
    unit: 'requests/s',
    ours: found.ours.map(({ perSecond }) => perSecond),
    theirs: found.theirs.map(({ perSecond }) => perSecond),
    goal: { atLeast: 4 },
    notes: []
  }]
}
