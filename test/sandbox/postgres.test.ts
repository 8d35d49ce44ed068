// The embedded PostgreSQL through its life: starts, kills, neighbours, and whom it lets in.
import { chown, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import pg from 'pg'
import t from 'tap'
import { killChild, makeFolder, query, startFor, startInChild } from '../helpers/embedded-postgres.js'
import { testServer } from '../helpers/test-server.js'

void t.test('the first start makes a UTF-8 database, and data survives a restart on the same port', async (t) => {
  const dataDir = path.join(await makeFolder(t), 'data')
  const progress: string[] = []
  const first = await startFor(t, { dataDir, onProgress: (doing) => progress.push(doing) })
  t.equal(first.adopted, false)
  t.not((await stat(path.join(dataDir, 'cluster'))).uid, 0, 'the server never runs as root')
  t.strictSame(progress, ['Creating the PostgreSQL database', 'Starting PostgreSQL'])
  t.match(await query(first, `SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('server_encoding') AS encoding,
    datlocale AS locale, upper('é') AS upper FROM pg_database WHERE datname = 'postgres'`),
  [{ version: 18, encoding: 'UTF8', locale: 'C.UTF-8', upper: 'É' }])
  await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer')
  await first.stop()
  await t.rejects(query(first, 'SELECT 1'), { code: 'ECONNREFUSED' }, 'it is gone after stop()')
  await first.stop()

  const second = await startFor(t, { dataDir })
  t.match(second, { adopted: false, port: first.port, password: first.password })
  t.strictSame(await query(second, 'SELECT answer FROM kept'), [{ answer: 42 }])
})

void t.test('a server whose starter was killed keeps running and is adopted, started without LANG or any environment', async (t) => {
  const dataDir = path.join(await makeFolder(t), 'data')
  const { child, server: started } = await startInChild(dataDir, { env: {} })
  await killChild(child)
  const server = await startFor(t, { dataDir })
  t.match(server, { adopted: true, port: started.port, adminUrl: started.adminUrl })
  t.match(await query(server, "SELECT current_setting('server_encoding') AS encoding, current_setting('lc_messages') AS messages"),
    [{ encoding: 'UTF8', messages: 'C' }])
})

void t.test('two starts at the same moment share one server', async (t) => {
  const dataDir = path.join(await makeFolder(t), 'data')
  const [one, other] = await Promise.all([startFor(t, { dataDir }), startFor(t, { dataDir })])
  t.equal(one.adminUrl, other.adminUrl)
  t.strictSame(await query(other, 'SELECT 1 AS one'), [{ one: 1 }])
})

void t.test('after kill -9 of the server itself, with a query running, the next start recovers', async (t) => {
  const dataDir = path.join(await makeFolder(t), 'data')
  const first = await startFor(t, { dataDir, durable: true })
  await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer')
  const busy = new pg.Client(first.adminUrl)
  busy.on('error', () => {})
  await busy.connect()
  // A backend in a computation does not notice the death of its postmaster and holds on to the shared memory.
  const endless = busy.query('SELECT count(*) FROM generate_series(1, 1000000000)').catch(() => {})
  process.kill(Number(await readPid(dataDir)), 'SIGKILL')

  const second = await startFor(t, { dataDir })
  t.equal(second.adopted, false)
  t.strictSame(await query(second, 'SELECT answer FROM kept'), [{ answer: 42 }])
  await endless
  await busy.end().catch(() => {})
})

void t.test('a pid file left by a crash of the machine, its number now another process\'s, is no obstacle', async (t) => {
  const dataDir = path.join(await makeFolder(t), 'data')
  const first = await startFor(t, { dataDir })
  const pidOfOther = await readPid(path.dirname((await testServer()).logFile))
  const owner = await stat(path.join(dataDir, 'cluster'))
  const leftBehind = [path.join(dataDir, 'cluster', 'postmaster.pid'), path.join(dataDir, 'run', `.s.PGSQL.${first.port}.lock`)]
  const texts = await Promise.all(leftBehind.map(async (file) => readFile(file, 'utf8')))
  await first.stop()
  for (const [index, file] of leftBehind.entries()) {
    // A postgres of another folder has the number: our own would do no harm, as the server's user may not signal it.
    await writeFile(file, texts[index]!.split('\n').with(0, pidOfOther).join('\n'), { mode: 0o600 })
    await chown(file, owner.uid, owner.gid)
  }
  t.match(await startFor(t, { dataDir }), { adopted: false })
})

void t.test('two folders run side by side, and a port that is taken is exchanged for another, unless it was demanded', async (t) => {
  const dataDir = path.join(await makeFolder(t), 'data')
  const [first, neighbour] = await Promise.all([startFor(t, { dataDir }), testServer()])
  t.not(first.port, neighbour.port)
  t.not(first.password, neighbour.password)
  await first.stop()
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(first.port, '127.0.0.1', resolve))
  t.teardown(() => squatter.close())
  await t.rejects(startFor(t, { dataDir, port: first.port }),
    { name: 'EmbeddedPostgresError', message: new RegExp(`Port ${first.port} .*is taken by another program`) })
  const second = await startFor(t, { dataDir })
  t.not(second.port, first.port)
  await new Promise((resolve) => squatter.close(resolve))
  const third = await startFor(t, { dataDir, port: first.port })
  t.match(third, { port: first.port, adopted: false }, 'a server on another port moves to the one demanded')
  t.strictSame(await query(third, 'SELECT 1 AS one'), [{ one: 1 }])
})

void t.test('nobody comes in without the right password, neither over TCP nor over the socket', async (t) => {
  const dataDir = path.join(await makeFolder(t), 'data')
  const server = await startFor(t, { dataDir })
  await query(server, "CREATE ROLE church LOGIN PASSWORD 'its own'; CREATE ROLE silent LOGIN")
  t.strictSame(await query(server, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules'), [{ auth_method: 'scram-sha-256' }])
  t.ok(server.socketDirectory)
  for (const host of [server.host, server.socketDirectory ?? '']) {
    const { port } = server
    const refused = { code: '28P01' }
    await t.rejects(query(server, '', { connectionString: '', host, port, user: 'postgres', password: 'wrong', database: 'postgres' }), refused)
    await t.rejects(query(server, '', { connectionString: '', host, port, user: 'church', password: server.password, database: 'postgres' }), refused)
    await t.rejects(query(server, '', { connectionString: '', host, port, user: 'silent', password: '', database: 'postgres' }))
    t.strictSame(await query(server, 'SELECT current_user AS who', { connectionString: '', host, port, user: 'church', password: 'its own', database: 'postgres' }),
      [{ who: 'church' }])
  }
  t.equal((await stat(path.join(dataDir, 'server.json'))).mode & 0o777, 0o600, 'its password is for the owner alone')
  t.equal((await stat(server.logFile)).mode & 0o777, 0o600)
  await query(server, "SELECT '+15550100' FROM nowhere").catch(() => {})
  t.notMatch(await readFile(server.logFile, 'utf8'), '+15550100', 'statements stay out of the log')
})

async function readPid (dataDir: string): Promise<string> {
  return (await readFile(path.join(dataDir, 'cluster', 'postmaster.pid'), 'utf8')).split('\n')[0]!
}
