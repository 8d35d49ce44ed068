// What a tenant costs in memory once it has been asked for, beside a cache of pg.Pools and, where they are installed, of Prisma clients.
import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { type Bench, inPairs, type Row } from '../bench.js'
import { compiled, stopChild } from '../child.js'
import { type Finding, type Skipped } from '../finding.js'
import { type Organization } from '../koinonia.js'
import { startLoad } from '../load/load.js'
import { startWithMany } from '../many-organizations.js'
import { memberReadSql } from '../member-read.js'
import { howToInstall, type Peer, startInstalledPeer, startPeer } from '../peer.js'
import { askForMemory, type MemoryHeld } from '../tell-memory.js'
import { readsOf } from './warm-read.js'

export const cachedTenants: Row = { name: 'cached-tenants', about: 'memory of each tenant that is remembered, of 1,000 (or --databases); beside a cache of pg.Pools, and of Prisma clients', run }

/** Read first and for long, so that all else a server remembers is there: more than Koinonia has connections. */
const first = 40
/** A Prisma client costs megabytes. */
const prismaTenants = first + 40
const callers = 8
/** So many are read in turn, again and again for a second, before the next ones. */
const atOnce = 40
const idleMs = 500
const telling = ['--expose-gc', '--import', compiled('tell-memory.js')]

interface Grown { heap: number, resident: number }

async function run (bench: Bench): Promise<Array<Finding | Skipped>> {
  const { databases = 1000 } = bench
  if (databases <= prismaTenants) throw new RangeError(`cached-tenants needs more than ${prismaTenants} databases`)
  const { koinonia, organizations } = await startWithMany(bench, databases)
  const urls = await koinonia.databasesOf(organizations)
  await stopChild(koinonia.child)
  const sql = await memberReadSql()
  const asPeer = ({ tenantId }: Organization) => ({ 'x-tenant': tenantId })

  const ours = async (): Promise<Grown> => grow((await startWithMany(bench, databases, {}, telling)).koinonia, organizations, ({ headers }) => headers)
  const pools = async (): Promise<Grown> => grow(await startPeer(bench, 'pool-cache', { databases: urls, sql, pools: databases, idleMs, name: 'peer' }, telling), organizations, asPeer)
  const prisma = async (): Promise<Grown | undefined> => {
    const peer = await startInstalledPeer(bench, 'express-prisma', { databases: urls }, telling)
    return peer === undefined ? undefined : await grow(peer, organizations.slice(0, prismaTenants), asPeer)
  }
  const say = ({ heap, resident }: Grown) => `${heap.toFixed(1)} KB of heap, ${resident.toFixed(1)} KB resident`
  const found = await inPairs(bench, ours, pools, say, 'cold')
  const findings: Array<Finding | Skipped> = describe(`of ${databases}`, 'a cache of pg.Pools', found)
  const theirs: Grown[] = []
  for (let run = 1; run <= bench.runs; run++) {
    const grown = await prisma()
    if (grown === undefined) return [...findings, { row: 'cached-tenants', skipped: howToInstall('express-prisma') }]
    bench.say(`run ${run} of ${bench.runs}: Prisma ${say(grown)}`)
    theirs.push(grown)
  }
  return [...findings, ...describe(`of ${databases}; theirs of ${prismaTenants}`, 'Express + Prisma', { ours: found.ours, theirs }, { atMost: 1 / 50 })]
}

/** Kilobytes by which the server grows for each further tenant; it is stopped then. */
async function grow ({ url, child }: Pick<Peer, 'url' | 'child'>, organizations: Organization[], headersOf: (organization: Organization) => Record<string, string>): Promise<Grown> {
  const load = await startLoad()
  const read = async (some: Organization[], rounds: number): Promise<void> => {
    for (let from = 0; from < some.length * rounds; from += atOnce) {
      const targets = some.slice(from % some.length).slice(0, atOnce).flatMap((organization) => readsOf(organization, headersOf(organization)))
      // In turn, from the first: until the last has been read as well.
      for (let seconds = 1; (await load.run({ url, connections: callers, seconds, targets })).all < targets.length;) seconds *= 2
    }
    // Pools close what nobody uses, and a server forgets its callers.
    await pause(2 * idleMs)
  }
  try {
    await read(organizations.slice(0, first), 4)
    const before = await memoryOf(child)
    await read(organizations, 1)
    const after = await memoryOf(child)
    const further = organizations.length - first
    return { heap: (after.heap - before.heap) / 1024 / further, resident: (after.resident - before.resident) / 1024 / further }
  } finally {
    await load.stop()
    await stopChild(child)
  }
}

async function memoryOf (child: ChildProcess): Promise<MemoryHeld> {
  child.send(askForMemory)
  const [held] = await once(child, 'message') as [MemoryHeld]
  return held
}

function describe (which: string, against: string, { ours, theirs }: { ours: Grown[], theirs: Grown[] }, goal?: Finding['goal']): Finding[] {
  const finding = (work: string, figure: (grown: Grown) => number, notes: string[]): Finding => ({
    row: 'cached-tenants', work: `${work} of each further tenant, ${which}`, against, unit: 'KB', ours: ours.map(figure), theirs: theirs.map(figure), ...(goal === undefined ? {} : { goal }), notes
  })
  return [
    finding('heap', ({ heap }) => heap, ['JavaScript heap and buffers after garbage collection: a tenant that was read once and more, beside one never asked for']),
    finding('resident memory', ({ resident }) => resident, ['the same of the resident set, which keeps room that was used once: noise of a kilobyte or two'])
  ]
}
