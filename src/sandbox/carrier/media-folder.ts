// The carrier's own copies of what texts carry, named by their hash: phones show these, and the service fetches a phone's from here.
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileTypeFromBuffer } from 'file-type'
import sharp from 'sharp'
import type { MediaFile } from './model.js'

/** Bytes kept; beyond them the oldest files go, as a carrier's do after some weeks. */
const mostKept = 200_000_000

/** Where the routes are, below the address the carrier listens on. */
export const mediaPath = '/sandbox/media'

const fileName = /[0-9a-f]{64}\.[a-z0-9]{1,10}$/

export class MediaFolder {
  readonly #dataDir: string | undefined
  #folder: string | undefined
  /** File name to bytes, the oldest first. */
  readonly #sizes = new Map<string, number>()
  #total = 0

  /** @param dataDir without it the files are in a folder that is removed at `close` */
  constructor (dataDir: string | undefined) {
    this.#dataDir = dataDir
  }

  /** @throws the system's error when the disk takes no more */
  async keep (content: Buffer): Promise<MediaFile> {
    const kept = await describe(content)
    const path = join(this.#open(), kept.file)
    // A rename: a kill leaves no half of a file under the name of the whole.
    writeFileSync(`${path}.new`, content, { mode: 0o600 })
    renameSync(`${path}.new`, path)
    this.#count(kept.file, content.length)
    this.#makeRoom()
    return kept
  }

  /** The bytes of a file by its name; undefined when it is no name of ours or no longer kept. */
  read (file: string): Buffer | undefined {
    if (fileName.exec(file)?.index !== 0) return undefined
    try {
      return readFileSync(join(this.#open(), file))
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  /** What is at an address of ours; null for any other address. */
  async at (url: string): Promise<MediaFile | null> {
    const file = url.includes(`${mediaPath}/`) ? fileName.exec(url)?.[0] : undefined
    const content = file === undefined ? undefined : this.read(file)
    return content === undefined ? null : await describe(content)
  }

  close (): void {
    if (this.#dataDir === undefined && this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }

  #open (): string {
    if (this.#folder !== undefined) return this.#folder
    const folder = this.#dataDir === undefined ? mkdtempSync(join(tmpdir(), 'koinonia-carrier-')) : join(this.#dataDir, 'media')
    mkdirSync(folder, { recursive: true })
    const found = readdirSync(folder).map((file) => ({ file, ...sizeAndAge(join(folder, file)) }))
    for (const { file, size } of found.sort((a, b) => a.changedAt - b.changedAt)) this.#count(file, size)
    this.#folder = folder
    return folder
  }

  #count (file: string, size: number): void {
    this.#total += size - (this.#sizes.get(file) ?? 0)
    this.#sizes.delete(file)
    this.#sizes.set(file, size)
  }

  #makeRoom (): void {
    for (const [file, size] of this.#sizes) {
      if (this.#total <= mostKept) return
      rmSync(join(this.#open(), file), { force: true })
      this.#sizes.delete(file)
      this.#total -= size
    }
  }
}

function sizeAndAge (path: string): { size: number, changedAt: number } {
  const { size, mtimeMs } = statSync(path)
  return { size, changedAt: mtimeMs }
}

/** By its bytes, whatever it was called. */
async function describe (content: Buffer): Promise<MediaFile> {
  const found = await fileTypeFromBuffer(content)
  const type = found?.mime.split(';')[0] ?? 'application/octet-stream'
  const hash = createHash('sha256').update(content).digest('hex')
  return { file: `${hash}.${found?.ext ?? 'bin'}`, type, size: content.length, name: null, ...await measure(content, type) }
}

/** As it is seen, turned upright; null when it is no picture, or one that cannot be read. */
async function measure (content: Buffer, type: string): Promise<Pick<MediaFile, 'width' | 'height'>> {
  if (!type.startsWith('image/')) return { width: null, height: null }
  try {
    const { width, height } = (await sharp(content).metadata()).autoOrient
    return { width, height }
  } catch {
    // A phone gets a broken picture as it is.
    return { width: null, height: null }
  }
}
