// The file that a tenant is archived and backed up in: what is known of it and its whole database, compressed and encrypted, as a stream.
import { Readable, type Transform } from 'node:stream'
import { createGunzip, createGzip } from 'node:zlib'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { type Keyring } from '../../../crypto/keyring.js'
import { problem, Problem } from '../../../errors.js'
import { type DatabasePart } from '../copy/read-database.js'
import { currentSchemaVersion } from '../../schema-version.js'
import { decrypt, encrypt } from './cipher.js'
import { fromFrames, toFrames } from './frames.js'

/** What a registry needs to know of the tenant, one that has never heard of it too. Times are ISO 8601, hashes hex. */
export const headerSchema = Type.Object({
  tenantId: Type.String(),
  schemaVersion: Type.Integer(),
  madeAt: Type.String(),
  /** What it was when the file was made. */
  status: Type.Enum(['active', 'suspended']),
  organization: Type.Object({
    id: Type.String(),
    kind: Type.Enum(['church', 'studio']),
    name: Type.String(),
    email: Type.String(),
    domain: Type.Union([Type.String(), Type.Null()]),
    timeZone: Type.String(),
    address: Type.Union([Type.String(), Type.Null()]),
    trialEndsAt: Type.String(),
    createdAt: Type.String()
  }),
  admins: Type.Array(Type.Object({ emailHash: Type.String(), adminId: Type.String() })),
  numbers: Type.Array(Type.Object({
    phoneNumber: Type.String(),
    channel: Type.Enum(['sms', 'voice', 'whatsapp']),
    providerNumberId: Type.Union([Type.String(), Type.Null()]),
    status: Type.Enum(['pending', 'active', 'releasing', 'released'])
  }))
})

export type ArchiveHeader = Static<typeof headerSchema>

/** Phone numbers and texts in it are random bytes to a compressor: more effort gains next to nothing. */
const COMPRESSION_LEVEL = 4

export function writeArchive (keyring: Keyring, header: ArchiveHeader, parts: AsyncIterable<DatabasePart>): AsyncIterable<Buffer> {
  return encrypt(keyring, through(toFrames(header, parts), createGzip({ level: COMPRESSION_LEVEL })))
}

/** @throws Problem ARCHIVE_UNREADABLE, also while the parts are read: nothing is sure before their end */
export async function readArchive (keyring: Keyring, file: AsyncIterable<Buffer>): Promise<{ header: ArchiveHeader, parts: AsyncGenerator<DatabasePart, void> }> {
  const { header, parts } = await fromFrames(unzipped(decrypt(keyring, file)))
  if (!Check(headerSchema, header)) throw problem('ARCHIVE_UNREADABLE', { detail: 'The archive was made by another version of Koinonia. Nothing was changed.' })
  const known = currentSchemaVersion()
  if (header.schemaVersion > known) {
    throw problem('ARCHIVE_UNREADABLE', { detail: `The archive has schema version ${header.schemaVersion}, newer than this code's ${known}. Nothing was changed; use the newer code.` })
  }
  return { header, parts }
}

async function * unzipped (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield * through(source, createGunzip())
  } catch (error) {
    if (error instanceof Problem || !isZlibError(error)) throw error
    throw problem('ARCHIVE_UNREADABLE', { detail: 'The archive could not be decompressed. Nothing was changed.', cause: error })
  }
}

const isZlibError = (error: unknown): boolean => error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_')

/** What fails before the transform is thrown where its output is read. */
async function * through (source: AsyncIterable<Buffer>, transform: Transform): AsyncGenerator<Buffer, void> {
  const input = Readable.from(source)
  input.once('error', (error) => { transform.destroy(error) })
  try {
    for await (const chunk of input.pipe(transform)) yield chunk as Buffer
  } finally {
    input.destroy()
    transform.destroy()
  }
}
