// The embedded PostgreSQL through its life: starts, kills, neighbours, and whom it lets in.
import { chown, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import path from 'node:path'
import pg from 'pg'
import t from 'tap'
import { killChild, makeFolder, query, startFor, startInChild } from '../helpers/embedded-postgres.js'

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
  const folder = await makeFolder(t)
  const dataDir = path.join(folder, 'data')
  const [first] = await Promise.all([startFor(t, { dataDir }), startFor(t, { dataDir: path.join(folder, 'other') })])
  const pidOfOther = await readPid(path.join(folder, 'other'))
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

void t.test('two folders run side by side, and a port taken meanwhile is exchanged for another', async (t) => {
  const folder = await makeFolder(t)
  const [one, other] = await Promise.all(['one', 'other'].map(async (name) => startFor(t, { dataDir: path.join(folder, name) })))
  t.not(one?.port, other?.port)
  t.not(one?.password, other?.password)
  await one?.stop()
  const squatter = createServer().listen(one?.port, '127.0.0.1')
  t.teardown(() => squatter.close())
  const again = await startFor(t, { dataDir: path.join(folder, 'one') })
  t.not(again.port, one?.port)
  t.strictSame(await query(again, 'SELECT 1 AS one'), [{ one: 1 }])
})

void t.test('a port demanded by the caller is used, and refused in plain words when it is taken', async (t) => {
  const dataDir = path.join(await makeFolder(t), 'data')
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
  const { port } = squatter.address() as AddressInfo
  await t.rejects(startFor(t, { dataDir, port }), { name: 'EmbeddedPostgresError', message: new RegExp(`Port ${port} .*is taken by another program`) })
  await new Promise((resolve) => squatter.close(resolve))
  t.match(await startFor(t, { dataDir, port }), { port, adopted: false })
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
