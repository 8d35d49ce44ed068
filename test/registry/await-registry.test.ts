import { connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { freePort } from '../../src/cli/free-port.js'
import { awaitRegistry } from '../../src/registry/await-registry.js'
import { testServer } from '../helpers/test-server.js'

const log = pino({ level: 'silent' })

void t.test('a start waits for a database that comes up meanwhile', async (t) => {
  const { adminUrl } = await testServer()
  const real = new URL(adminUrl)
  const port = await freePort()
  const waiting = awaitRegistry(`postgres://${real.username}:${real.password}@127.0.0.1:${port}/postgres`, log, 10_000)
  await pause(400)
  const relay = createServer((socket) => {
    const server = connect(Number(real.port), real.hostname)
    socket.pipe(server).pipe(socket)
    for (const end of [socket, server]) end.on('error', () => undefined)
  })
  relay.listen(port, '127.0.0.1')
  t.teardown(() => { relay.close() })
  await t.resolves(waiting)
})

void t.test('a start gives up on a database that never comes', async (t) => {
  const url = `postgres://nobody@127.0.0.1:${await freePort()}/postgres`
  await t.rejects(awaitRegistry(url, log, 300), { code: 'ECONNREFUSED' })
})

void t.test('a start does not wait where waiting cannot help', async (t) => {
  const url = new URL((await testServer()).adminUrl)
  url.pathname = '/no_such_database'
  const started = performance.now()
  await t.rejects(awaitRegistry(url.href, log, 30_000), { code: '3D000' })
  t.ok(performance.now() - started < 10_000)
})
