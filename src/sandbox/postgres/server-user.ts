// The user the server runs as: PostgreSQL refuses to run as root, so root lends it another one.
import { access, chown, constants, lchown, mkdir, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { EmbeddedPostgresError, hasCode } from './failure.js'
import { runProgram } from './run-program.js'

export interface ServerUser { uid: number, gid: number }

/**
 * The user to run the server as, or undefined to run it as ourselves (whenever we are not root).
 * An existing data directory decides, because the server must own it.
 */
export async function chooseServerUser (cluster: string): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const owner = await stat(cluster).catch(() => undefined)
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  for (const name of ['postgres', '_postgres', 'nobody']) {
    const uid = await idOf(name, '-u')
    const gid = await idOf(name, '-g')
    if (uid !== undefined && gid !== undefined && uid !== 0) return await checkSwitch({ uid, gid }, name)
  }
  throw new EmbeddedPostgresError(
    'PostgreSQL does not run as root, and this system has neither a user "postgres" nor "nobody" to run it as. Add one of them, or start as an ordinary user.')
}

/** True when the server's user can use `target`: enter a folder (`x`), read a file (`r`). */
export async function canUse (user: ServerUser | undefined, target: string, how: 'x' | 'r'): Promise<boolean> {
  if (user === undefined) {
    return access(target, how === 'x' ? constants.X_OK : constants.R_OK).then(() => true, () => false)
  }
  // Asked of the system itself, which knows about access lists and mount options that mode bits do not show.
  const { code } = await runProgram('/bin/sh', ['-c', `test -${how} "$1"`, 'sh', target], { user, limitMs: 5000 })
  return code === 0
}

/** Makes a private folder (0700) that belongs to the server's user, or takes the one that is there. */
export async function makeOwnFolder (folder: string, user: ServerUser | undefined): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error
  })
  if (user !== undefined) await chown(folder, user.uid, user.gid)
}

/** Gives a folder and all in it to the server's user. */
export async function giveTree (folder: string, user: ServerUser | undefined): Promise<void> {
  if (user === undefined) return
  await lchown(folder, user.uid, user.gid)
  for (const entry of await readdir(folder, { recursive: true })) {
    await lchown(path.join(folder, entry), user.uid, user.gid)
  }
}

async function checkSwitch (user: ServerUser, name: string): Promise<ServerUser> {
  const { code, output } = await runProgram('/bin/sh', ['-c', ':'], { user, limitMs: 5000 })
  if (code === 0) return user
  throw new EmbeddedPostgresError(
    `PostgreSQL does not run as root, and this root may not run programs as "${name}" (a container without the SETUID capability?). Start as an ordinary user.\n${output}`)
}

async function idOf (name: string, flag: '-u' | '-g'): Promise<number | undefined> {
  const { code, output } = await runProgram('/usr/bin/id', [flag, name], { limitMs: 5000 })
  const id = Number.parseInt(output, 10)
  // macOS shows nobody as -2, which the system calls take as an unsigned number.
  return code === 0 && Number.isInteger(id) ? id >>> 0 : undefined
}
