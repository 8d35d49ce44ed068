// Creates the database cluster on the first start.
import { randomBytes } from 'node:crypto'
import { access, chown, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Binaries } from './binaries.js'
import { explainFailure, hasCode } from './failure.js'
import { type Place } from './place.js'
import { runProgram } from './run-program.js'
import { makeOwnFolder } from './server-user.js'

export const superuser = 'postgres'

const initdbLimitMs = 60_000

/** True when the cluster is there. */
export async function hasCluster ({ cluster }: Place): Promise<boolean> {
  return access(path.join(cluster, 'PG_VERSION')).then(() => true, (error: unknown) => {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  })
}

/**
 * Runs initdb beside the final folder and moves the result there, so that an interrupted start leaves no half cluster.
 * When two starts do it at once, the second's is thrown away.
 */
export async function createCluster (place: Place, binaries: Binaries, durable: boolean): Promise<void> {
  await removeOldDrafts(place.home)
  const draft = path.join(place.home, `cluster.new-${randomBytes(4).toString('hex')}`)
  const passwordFile = `${draft}.password`
  try {
    await makeOwnFolder(draft, place.user)
    await writeFile(passwordFile, place.remembered.password, { mode: 0o600, flag: 'wx' })
    if (place.user !== undefined) await chown(passwordFile, place.user.uid, place.user.gid)
    const { code, output } = await runProgram(binaries.initdb, [
      '-D', draft, '--username', superuser, '--pwfile', passwordFile,
      // Passwords for every role on every way in: the product relies on PostgreSQL refusing the wrong one.
      '--auth-local=scram-sha-256', '--auth-host=scram-sha-256', '--set', 'scram_iterations=1',
      '--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8',
      ...(durable ? [] : ['--no-sync'])
    ], { user: place.user, limitMs: initdbLimitMs })
    if (code !== 0) throw explainFailure(`Creating a database in ${place.cluster}`, output)
    await rename(draft, place.cluster).catch((error: unknown) => {
      if (!hasCode(error, 'ENOTEMPTY', 'EEXIST', 'EPERM')) throw error
    })
  } finally {
    await rm(passwordFile, { force: true })
    await rm(draft, { recursive: true, force: true })
  }
}

/** Drafts, of clusters and of binaries, of starts that were killed; a younger one may be another start's at this moment. */
async function removeOldDrafts (home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!name.includes('.new-')) continue
    const draft = path.join(home, name)
    const age = Date.now() - (await stat(draft).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs
    if (age > 2 * initdbLimitMs) await rm(draft, { recursive: true, force: true })
  }
}
