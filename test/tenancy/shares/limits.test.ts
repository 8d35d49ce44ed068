// When the share of a dead process comes back, and when a process that does not reach the registry stops opening connections.
import t from 'tap'
import { openRegistry } from '../../../src/registry/db.js'
import { ConnectionShares, type ShareTiming, shareTiming, type SharedServer } from '../../../src/tenancy/shares/connection-shares.js'
import { cloneRegistry } from '../../helpers/clone-registry.js'
import { silent } from '../../helpers/provisioning-ground.js'
import { switchableProxy } from '../../helpers/switchable-proxy.js'
import { until } from '../../helpers/until.js'

const registry = await cloneRegistry()
t.teardown(() => registry.drop())
const direct = new URL(registry.url)
const proxy = await switchableProxy(t, { host: direct.hostname, port: Number(direct.port) })
const url = new URL(direct)
url.port = String(proxy.port())

/** What a process holds of one server, without the server. */
function sharedServer (): SharedServer & { limits: number[] } {
  const limits = [0]
  return { address: 'db:5432', reserved: 0, limits, used: () => 0, limit: () => limits.at(-1) ?? 0, resize: (connections) => { if (limits.at(-1) !== connections) limits.push(connections) } }
}

async function startShares (t: { teardown: (run: () => Promise<void>) => unknown }, process: string, timing: Partial<ShareTiming>) {
  const opened = openRegistry(url.href, { DATABASE_REGISTRY_CONNECTIONS: 4, DATABASE_CONNECT_TIMEOUT_MS: 5_000, DATABASE_STATEMENT_TIMEOUT_MS: 30_000 }, silent)
  const server = sharedServer()
  const shares = new ConnectionShares({ registry: opened.db, registryUrl: registry.url, total: 20, most: 20, process, servers: () => [server], log: silent, timing: { ...shareTiming, ...timing } })
  await shares.start()
  t.teardown(async () => {
    await shares.stop()
    await opened.close()
    await shares.leave()
  })
  return server
}

await t.test('the limits are those that the README states, and one that stops in time holds nothing by the time that its share is another\'s', (t) => {
  t.strictSame([shareTiming.stopAfterMs, shareTiming.deadAfterMs], [30_000, 180_000])
  // A connection in use when it stops: the longest transaction stands idle for a minute after a statement of half a minute.
  t.ok(shareTiming.deadAfterMs > shareTiming.stopAfterMs + shareTiming.beatMs + 60_000 + 30_000)
  t.end()
})

await t.test('the share of a process that died is kept for 180 seconds after its last word, and then is the others\'', async (t) => {
  const lastWord = async (secondsAgo: number) => await registry.query('UPDATE process_shares SET heartbeat_at = now() - make_interval(secs => $1) WHERE process = \'dead\'', [secondsAgo])
  await registry.query('INSERT INTO process_shares (process, server, granted) VALUES (\'dead\', \'db:5432\', 15)')
  await lastWord(175)
  const server = await startShares(t, 'alive', { beatMs: 20 })
  t.equal(server.limit(), 5, 'what it left')
  await lastWord(175)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.strictSame(server.limits, [0, 5])
  await lastWord(180.1)
  await until(async () => server.limit() === 20)
  t.strictSame(await registry.query('SELECT FROM process_shares WHERE process = \'dead\''), [])
})

for (const [how, goAway, comeBack] of [
  ['refuses connections', async () => { await proxy.shut() }, async () => { await proxy.open() }],
  ['keeps connections and says nothing', async () => { proxy.silence() }, async () => { proxy.speak() }]
] as const) {
  await t.test(`a registry that ${how}: the process keeps its share until the limit, opens nothing after it, and has it again at the next word`, async (t) => {
    const server = await startShares(t, 'cut off', { beatMs: 20, stopAfterMs: 400 })
    t.equal(server.limit(), 20)
    const begun = performance.now()
    await goAway()
    await new Promise((resolve) => setTimeout(resolve, 200))
    t.equal(server.limit(), 20, 'not yet')
    await until(async () => server.limit() === 0)
    const stopped = performance.now() - begun
    t.ok(stopped > 300 && stopped < 1_000, `${Math.round(stopped)} ms`)
    await comeBack()
    await until(async () => server.limit() === 20)
  })
}
