// Where the database of a data folder lies: in the folder itself, or elsewhere when the server's user cannot reach it.
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Logger } from 'pino'
import { EmbeddedPostgresError, hasCode } from './failure.js'
import { endOrphans } from './postmaster-file.js'
import { recall, remember, rememberFirst, type Remembered } from './remembered.js'
import { canUse, chooseServerUser, makeOwnFolder, type ServerUser } from './server-user.js'

export interface Place {
  dataDir: string
  /** The folder the server's user works in: the data folder, or its replacement outside. */
  home: string
  /** PostgreSQL's own data directory. */
  cluster: string
  logFile: string
  user: ServerUser | undefined
  remembered: Remembered
}

/** Opens a data folder, making it on the first start. */
export async function openPlace (folder: string, log: Logger): Promise<Place> {
  await mkdir(folder, { recursive: true })
  const dataDir = await realpath(folder)
  const known = await recall(dataDir)
  const inside = path.join(dataDir, 'cluster')
  let user = await chooseServerUser(known?.home === undefined ? inside : path.join(known.home, 'cluster'))
  let remembered = known
  if (remembered?.home !== undefined && !await belongsHere(remembered.home, remembered.id, dataDir, log)) remembered = undefined
  if (remembered === undefined) {
    user = await chooseServerUser(inside)
    remembered = await settle(dataDir, user, known !== undefined)
  }
  const home = remembered.home ?? dataDir
  if (!await canUse(user, home, 'x')) {
    throw new EmbeddedPostgresError(`The database in ${home} cannot be reached by the user it belongs to. Let that user enter every folder above it (chmod o+x), or start as that user.`)
  }
  return { dataDir, home, cluster: path.join(home, 'cluster'), logFile: path.join(dataDir, 'postgres.log'), user, remembered }
}

async function settle (dataDir: string, user: ServerUser | undefined, anew: boolean): Promise<Remembered> {
  // 0711: another user's server may pass through to its own cluster, and see nothing else.
  if ((await stat(dataDir)).uid === process.getuid?.()) await chmod(dataDir, user === undefined ? 0o700 : 0o711)
  const facts: Remembered = { id: randomBytes(8).toString('hex'), password: randomBytes(24).toString('hex') }
  if (!await canUse(user, dataDir, 'x')) facts.home = await makeHomeOutside(dataDir, user, facts.id)
  if (!anew) return await rememberFirst(dataDir, facts)
  await remember(dataDir, facts)
  return facts
}

async function makeHomeOutside (dataDir: string, user: ServerUser | undefined, id: string): Promise<string> {
  const name = `koinonia-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`
  for (const base of ['/var/lib', '/var/tmp', tmpdir()]) {
    const home = path.join(base, name)
    try {
      // What lies here without our id belonged to a data folder at this path that has since been removed.
      await endOrphans(path.join(home, 'cluster'))
      await rm(home, { recursive: true, force: true })
      await makeOwnFolder(home, user)
      await writeFile(path.join(home, 'belongs-to.json'), JSON.stringify({ id, dataDir }), { mode: 0o600 })
      if (await canUse(user, home, 'x')) return home
    } catch (error) {
      if (!hasCode(error, 'EACCES', 'EPERM', 'ENOENT', 'EROFS', 'ENOTDIR')) throw error
    }
  }
  throw new EmbeddedPostgresError(`PostgreSQL cannot run as root, and the user it runs as can reach neither ${dataDir} nor a folder in /var/lib or ${tmpdir()}. Start as an ordinary user.`)
}

/** False when the home outside is gone, or is another checkout's of which this one is a copy. */
async function belongsHere (home: string, id: string, dataDir: string, log: Logger): Promise<boolean> {
  const file = path.join(home, 'belongs-to.json')
  const text = await readFile(file, 'utf8').catch(() => '{}')
  const owner = JSON.parse(text) as { id?: string, dataDir?: string }
  if (owner.id !== id || owner.dataDir === undefined) {
    log.warn({ home }, 'The database that belonged to this folder is gone; beginning with a new one')
    return false
  }
  if (owner.dataDir === dataDir) return true
  if ((await recall(owner.dataDir).catch(() => undefined))?.id === id) {
    log.warn({ dataDir, original: owner.dataDir }, 'This folder is a copy of another; beginning with a new database')
    return false
  }
  await writeFile(file, JSON.stringify({ id, dataDir }))
  return true
}
