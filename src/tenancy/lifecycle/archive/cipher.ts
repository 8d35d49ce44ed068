// Encrypts an archive as a stream of sealed pieces, so that none can be changed, left out, moved or cut off unseen.
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { type Keyring } from '../../../crypto/keyring.js'
import { problem } from '../../../errors.js'

// The file: MAGIC, a salt of 32 bytes, 16 bytes that tell whether the key fits, then pieces: four bytes of length, whose highest bit
// marks the last piece, the ciphertext, and 16 bytes of tag. AES-256-GCM; the key is of this file alone (HKDF-SHA256 with the salt),
// the nonce is the number of the piece, and the four bytes are authenticated with it.
const MAGIC = Buffer.from('KOINONIA ARCHIVE 1\n')
const [SALT, CHECK, HEAD, TAG] = [32, 16, 4, 16]
const PIECE = 65_536
const LAST = 0x8000_0000

const damaged = () => problem('ARCHIVE_UNREADABLE', { detail: 'The archive is damaged, or somebody has changed it. Nothing was changed; take another copy of it.' })
const cutShort = () => problem('ARCHIVE_UNREADABLE', { detail: 'The archive is cut short. Nothing was changed; take another copy of it.' })

export async function * encrypt (keyring: Keyring, plain: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const salt = randomBytes(SALT)
  const key = fileKey(keyring, salt)
  yield Buffer.concat([MAGIC, salt, keyCheck(key)])
  let piece = 0
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of plain) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    // One piece is held back: only the last of all is marked.
    while (held.length > PIECE) {
      yield seal(key, piece++, held.subarray(0, PIECE), false)
      held = held.subarray(PIECE)
    }
  }
  yield seal(key, piece, held, true)
}

/** @throws Problem ARCHIVE_UNREADABLE: no archive, another master key, changed, cut short */
export async function * decrypt (keyring: Keyring, sealed: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const bytes = reader(sealed)
  const magic = await bytes.take(MAGIC.length)
  if (magic?.equals(MAGIC) !== true) throw problem('ARCHIVE_UNREADABLE', { detail: 'This file is no archive of Koinonia, or one of a newer version. Nothing was changed.' })
  const salt = await bytes.take(SALT)
  const check = await bytes.take(CHECK)
  if (salt === undefined || check === undefined) throw cutShort()
  const key = fileKey(keyring, salt)
  if (!keyCheck(key).equals(check)) throw problem('ARCHIVE_UNREADABLE', { detail: 'The archive was encrypted under another MASTER_KEY. Nothing was changed; set the one it was made with.' })
  for (let piece = 0; ; piece++) {
    const head = await bytes.take(HEAD)
    if (head === undefined) throw cutShort()
    const length = (head.readUInt32BE() & ~LAST) >>> 0
    if (length > PIECE) throw damaged()
    const body = await bytes.take(length + TAG)
    if (body === undefined) throw cutShort()
    yield open(key, piece, head, body)
    if (head.readUInt32BE() >= LAST) break
  }
  if (await bytes.take(1) !== undefined) throw damaged()
}

function seal (key: Buffer, piece: number, plain: Buffer, last: boolean): Buffer {
  const head = Buffer.alloc(HEAD)
  head.writeUInt32BE(plain.length + (last ? LAST : 0))
  const cipher = createCipheriv('aes-256-gcm', key, nonce(piece)).setAAD(head)
  return Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function open (key: Buffer, piece: number, head: Buffer, body: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce(piece)).setAAD(head).setAuthTag(body.subarray(-TAG))
  try {
    return Buffer.concat([decipher.update(body.subarray(0, -TAG)), decipher.final()])
  } catch {
    throw damaged()
  }
}

function nonce (piece: number): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeBigUInt64BE(BigInt(piece), 4)
  return bytes
}

const fileKey = (keyring: Keyring, salt: Buffer): Buffer => Buffer.from(hkdfSync('sha256', keyring.derive('archive'), salt, 'koinonia archive 1', 32))

const keyCheck = (key: Buffer): Buffer => createHmac('sha256', key).update('key check').digest().subarray(0, CHECK)

/** Undefined when fewer bytes are left than asked for. */
function reader (source: AsyncIterable<Buffer>) {
  const iterator = source[Symbol.asyncIterator]()
  let held: Buffer[] = []
  let length = 0
  return {
    async take (wanted: number): Promise<Buffer | undefined> {
      while (length < wanted) {
        const next = await iterator.next()
        if (next.done === true) return undefined
        held.push(next.value)
        length += next.value.length
      }
      const all = held.length === 1 && held[0] !== undefined ? held[0] : Buffer.concat(held)
      held = [all.subarray(wanted)]
      length -= wanted
      return all.subarray(0, wanted)
    }
  }
}
