// Requests to many organizations on two database servers, while the servers are restarted and killed and the organizations are
// suspended, rotated, archived and moved. ENGINE_CHAOS_SECONDS=300 ENGINE_CHAOS_TENANTS=50 makes the long run; CHAOS_LOG=warn shows the logs.
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { until } from '../helpers/until.js'
import { install, serving } from './chaos/installation.js'
import { change, type Change, changes } from './engine/changes.js'
import { checkHistory } from './engine/check-history.js'
import { type Fault, strike } from './engine/faults.js'
import { count, type Ground, prepareGround } from './engine/ground.js'
import { callUntil } from './engine/traffic.js'

const seconds = Number(process.env['ENGINE_CHAOS_SECONDS'] ?? 0)
const tenants = Number(process.env['ENGINE_CHAOS_TENANTS'] ?? 6)
const callersEach = 2
/** Changes at a time. */
const hands = 3
/** Requests of all callers together are some this many milliseconds apart, when none takes long. */
const apartMs = 6
const recoveredMs = 60_000
const settings = { ARGON2_MEMORY_KIB: '256', ARGON2_TIME_COST: '1', ACCESS_TOKEN_SECONDS: '86400', SIGN_UPS_PER_HOUR: '100000' }

/** How long a server is dead: a minute of five. */
const darkMs = seconds === 0 ? 1_500 : Math.min(60_000, seconds * 200)
const faults: Fault[] = [{ server: 'west', how: 'kill', darkMs }, { server: 'west', how: 'stop', darkMs: 0 }, { server: 'east', how: 'stop', darkMs: 0 }, { server: 'east', how: 'kill', darkMs: 0 }]

t.setTimeout(180_000 + seconds * 2_000)

void t.test(`${tenants} organizations in use while their servers die and come back and they are suspended, rotated, archived and moved: no row of another's, no accepted write lost, errors only where due, and all is well afterwards without a restart`, async (t) => {
  const installation = await install(t, settings, ['west'])
  await serving(installation)
  const ground = await prepareGround(installation, tenants)
  const over = new AbortController()
  const restMs = apartMs * tenants * callersEach
  const traffic = ground.organizations.flatMap((organization) =>
    Array.from({ length: callersEach }, (_, caller) => callUntil(ground, organization, { name: `${caller}`, restMs, over: over.signal })))

  const done = new Map<Change, number>()
  const struck = new Map<string, number>()
  const taken = seconds === 0 ? await once(ground, done, struck) : await atRandom(ground, done, struck)
  const answers = Object.fromEntries([...ground.answers].sort())
  const recovery = await recovered(ground)
  over.abort()
  await Promise.all(traffic)

  const history = await checkHistory(ground)
  t.comment(`servers: ${told(struck)}; changes: ${told(done)}, ${taken} of them taken back or tried again on the way; all in use ${recovery} ms after the last`)
  t.comment(`answers: ${JSON.stringify(answers)}`)
  t.comment(`history: ${history.accepted} writes accepted, ${history.uncertain} cut off without an answer, ${history.rows} rows in ${tenants} databases; ${history.wrong.length} contradictions`)
  t.strictSame(history.wrong, [], 'the databases have what was accepted, once, and nothing of anybody else')
  t.strictSame(ground.wrong.slice(0, 20), [], `errors only where due; ${ground.wrong.length} were not`)
  t.equal(installation.endedByThemselves(), 0, 'no process was restarted')
  t.ok(changes.every((kind) => (done.get(kind) ?? 0) > 0), 'each change was made')
  t.strictSame((await ground.services.provisioner.reconcile()).findings, [], 'nothing is left over')
})

/** One of each, each change with an organization of its own; the last organizations are left alone. Returns how many changes were not done at the first try. */
async function once (ground: Ground, done: Map<Change, number>, struck: Map<string, number>): Promise<number> {
  const taken = changes.map(async (kind, place) => {
    const organization = ground.organizations[place]
    if (organization === undefined) throw new Error(`There is no organization to ${kind}`)
    await pause(Math.random() * 2_000)
    const undone = await change(ground, organization, kind)
    count(done, kind)
    return undone
  })
  await pause(500)
  for (const fault of faults) {
    await strike(ground, fault)
    count(struck, `${fault.server} ${fault.how}`)
    await pause(500)
  }
  return (await Promise.all(taken)).reduce((sum, undone) => sum + undone, 0)
}

async function atRandom (ground: Ground, done: Map<Change, number>, struck: Map<string, number>): Promise<number> {
  const end = Date.now() + seconds * 1_000
  let taken = 0
  const changing = Array.from({ length: hands }, async () => {
    while (Date.now() < end) {
      const free = ground.organizations.filter(({ inHand }) => !inHand)
      const organization = free[Math.floor(Math.random() * free.length)]
      const kind = changes[Math.floor(Math.random() * changes.length)]
      if (organization === undefined || kind === undefined) throw new Error('Too few organizations')
      taken += await change(ground, organization, kind)
      count(done, kind)
      await pause(Math.random() * 1_000)
    }
  })
  for (let turn = 0; Date.now() < end; turn++) {
    const fault = faults[turn % faults.length]
    if (fault === undefined) break
    await pause(darkMs / 3 * (0.5 + Math.random()))
    await strike(ground, fault)
    count(struck, `${fault.server} ${fault.how}`)
  }
  await Promise.all(changing)
  return taken
}

/** Until every organization has been answered a read and a write. Returns how long that took, in milliseconds. */
async function recovered ({ organizations, apiUrl }: Ground): Promise<number> {
  const begun = Date.now()
  await Promise.all(organizations.map(({ headers }, place) => until(async () => {
    const read = await fetch(`${apiUrl}/api/members?limit=1`, { headers })
    const written = await fetch(`${apiUrl}/api/tags`, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify({ name: `Back ${Date.now()} ${place}` }) })
    return read.status === 200 && written.status === 201
  }, recoveredMs)))
  return Date.now() - begun
}

const told = (counts: Map<string, number>): string => [...counts].map(([what, times]) => `${what} ${times}`).join(', ')
