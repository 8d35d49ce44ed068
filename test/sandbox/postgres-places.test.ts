// The embedded PostgreSQL in awkward places: folders only root may enter, other users, missing links.
import { chown, cp, mkdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { prepareBinaries } from '../../src/sandbox/postgres/binaries.js'
import { explainFailure } from '../../src/sandbox/postgres/failure.js'
import { recall } from '../../src/sandbox/postgres/remembered.js'
import { runProgram } from '../../src/sandbox/postgres/run-program.js'
import { canUse } from '../../src/sandbox/postgres/server-user.js'
import { killChild, makeFolder, query, startFor, startInChild } from '../helpers/embedded-postgres.js'

const isRoot = process.getuid?.() === 0
const nobody = { uid: 65534, gid: 65534 }
const onlyRoot = isRoot ? {} : { skip: 'needs root' }

/** A copy of the installed binaries as npm leaves it when install scripts are switched off. */
async function copyBinaries (to: string): Promise<string> {
  const { postgres } = await prepareBinaries({ home: '/', user: undefined })
  await cp(path.join(path.dirname(postgres), '..'), to, { recursive: true, verbatimSymlinks: true, filter: (file) => !file.endsWith('.a') })
  const links = JSON.parse(await readFile(path.join(to, 'pg-symlinks.json'), 'utf8')) as { target: string }[]
  await Promise.all(links.map(async ({ target }) => unlink(path.join(to, path.relative('native', target)))))
  return to
}

void t.test('it runs from binaries whose links between libraries were never made', { skip: process.platform === 'win32' }, async (t) => {
  const folder = await makeFolder(t)
  const nativeDir = await copyBinaries(path.join(folder, 'native'))
  const prepare = async () => prepareBinaries({ home: folder, user: undefined, nativeDir })
  const [{ postgres, initdb }] = await Promise.all([prepare(), prepare()])
  for (const program of [postgres, initdb]) {
    t.match(await runProgram(program, ['--version'], { limitMs: 5000 }), { code: 0, output: /PostgreSQL\) 18/ })
  }
})

void t.test('in a checkout only root may enter, root keeps the database outside, and finds it again', onlyRoot, async (t) => {
  const folder = await makeFolder(t)
  const closed = path.join(folder, 'closed')
  await mkdir(closed, { mode: 0o700 })
  const nativeDir = await copyBinaries(path.join(closed, 'native'))
  const dataDir = path.join(closed, 'data')
  const homes: string[] = []
  t.teardown(async () => Promise.all(homes.map(async (home) => rm(home, { recursive: true, force: true }))))

  const first = await startFor(t, { dataDir, nativeDir })
  const home = (await recall(dataDir))?.home ?? ''
  homes.push(home)
  t.notOk(home.startsWith(folder))
  t.equal((await stat(home)).mode & 0o777, 0o700)
  await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer')
  await first.stop()

  const moved = path.join(folder, 'moved')
  await rename(closed, moved)
  const second = await startFor(t, { dataDir: path.join(moved, 'data'), nativeDir: path.join(moved, 'native') })
  t.strictSame(await query(second, 'SELECT answer FROM kept'), [{ answer: 42 }], 'a moved checkout finds its data')

  const copy = path.join(folder, 'copy')
  await mkdir(copy, { mode: 0o700 })
  await cp(path.join(moved, 'data', 'server.json'), path.join(copy, 'data', 'server.json'), { recursive: true })
  const third = await startFor(t, { dataDir: path.join(copy, 'data') })
  homes.push((await recall(path.join(copy, 'data')))?.home ?? '')
  t.not(third.password, second.password)
  await t.rejects(query(third, 'SELECT answer FROM kept'), { code: '42P01' }, 'a copied checkout begins with its own')
})

void t.test('an ordinary user starts it, and root then starts it as that user', onlyRoot, async (t) => {
  const here = fileURLToPath(import.meta.url)
  if (!await canUse(nobody, here, 'r') || !await canUse(nobody, createRequire(here).resolve('pg'), 'r')) {
    t.comment('this checkout is closed to others')
    return
  }
  const folder = await makeFolder(t)
  await chown(folder, nobody.uid, nobody.gid)
  const dataDir = path.join(folder, 'data')
  const { child, server: started } = await startInChild(dataDir, { user: nobody, env: {} })
  await killChild(child)
  t.equal((await stat(path.join(dataDir, 'cluster'))).uid, nobody.uid)
  t.equal((await stat(dataDir)).mode & 0o777, 0o700)

  const adopted = await startFor(t, { dataDir })
  t.match(adopted, { adopted: true, port: started.port })
  await adopted.stop()
  await (await startFor(t, { dataDir })).stop()
  const { child: again, server } = await startInChild(dataDir, { user: nobody, env: {} })
  await killChild(again)
  t.match(server, { adopted: false, port: started.port }, 'root left nothing behind that locks the user out')
  await startFor(t, { dataDir })
})

void t.test('what cannot be mended is said in plain words', async (t) => {
  t.match(explainFailure('Starting PostgreSQL', 'FATAL:  could not write to file "x": No space left on device').message, /disk is full\. Free some space/)
  const folder = await makeFolder(t)
  const dataDir = path.join(folder, 'data')
  await mkdir(dataDir)
  await writeFile(path.join(dataDir, 'server.json'), '{"id":')
  await t.rejects(startFor(t, { dataDir }), { name: 'EmbeddedPostgresError', message: /server\.json is damaged.*Remove .* to begin anew/ })
  await t.rejects(startFor(t, { dataDir: path.join(folder, 'other'), nativeDir: '/nowhere' }), { name: 'EmbeddedPostgresError' })
})
