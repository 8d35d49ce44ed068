// What a data folder remembers about its server from one start to the next: server.json, readable by its owner only.
import { randomBytes } from 'node:crypto'
import { chown, link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { EmbeddedPostgresError, hasCode } from './failure.js'

export interface Remembered {
  /** Tells the folder that holds the database which data folder it belongs to. */
  id: string
  password: string
  /** Where the database lies when that is not in the data folder itself. */
  home?: string
  /** The port of the last start, taken again when it is free. */
  port?: number
}

/** What was remembered, or undefined on the first start. Throws when the file is another user's or damaged. */
export async function recall (dataDir: string): Promise<Remembered | undefined> {
  const file = fileIn(dataDir)
  try {
    const found = JSON.parse(await readFile(file, 'utf8')) as Partial<Remembered>
    if (typeof found.id === 'string' && typeof found.password === 'string') {
      return { ...found, id: found.id, password: found.password }
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    if (hasCode(error, 'EACCES', 'EPERM')) {
      throw new EmbeddedPostgresError(
        `${file} belongs to another user. Start as the user who started here first, or remove ${dataDir} to begin anew.`, { cause: error })
    }
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new EmbeddedPostgresError(`${file} is damaged, and with it the password of the database. Remove ${dataDir} to begin anew.`)
}

/** Remembers a first start; of two at the same moment one wins, and both get the winner's facts. */
export async function rememberFirst (dataDir: string, facts: Remembered): Promise<Remembered> {
  const draft = await writeDraft(dataDir, facts)
  try {
    await link(draft, fileIn(dataDir))
    return facts
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    return await recall(dataDir) ?? facts
  } finally {
    await rm(draft, { force: true })
  }
}

/** Replaces what is remembered. */
export async function remember (dataDir: string, facts: Remembered): Promise<void> {
  await rename(await writeDraft(dataDir, facts), fileIn(dataDir))
}

async function writeDraft (dataDir: string, facts: Remembered): Promise<string> {
  const draft = `${fileIn(dataDir)}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(draft, JSON.stringify(facts, null, 2) + '\n', { mode: 0o600, flag: 'wx', flush: true })
    // A start by root must not lock the folder's owner out of the next one.
    const { uid, gid } = await stat(dataDir)
    if (process.getuid?.() === 0) await chown(draft, uid, gid)
    return draft
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

function fileIn (dataDir: string): string {
  return path.join(dataDir, 'server.json')
}
