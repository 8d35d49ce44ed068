// Takes in an uploaded CSV file and checks it before the request holds a database connection: however slow the caller, nobody else waits.
import { type FastifyRequest, type preValidationAsyncHookHandler } from 'fastify'
import { rm } from 'node:fs/promises'
import { Check } from 'typebox/value'
import { Problem, problem } from '../../../errors.js'
import { type Services } from '../../../services.js'
import { type IncomingFile, receiveFile, TooManyBytes } from '../../media/incoming-file.js'
import { decodeFile, type TextFile } from './decode-file.js'
import { type Inspected, inspectFile } from './inspect-file.js'
import { ImportOptions } from './schemas.js'

/** A file to import, as it lies on this machine until the answer goes out. */
export interface ImportUpload { text: TextFile, inspected: Inspected, name: string | null }

declare module 'fastify' {
  interface FastifyRequest { importUpload: ImportUpload | null }
}

const mostBytes = 50 * 1024 * 1024
const mostOptions = 65_536

interface Received { incoming: IncomingFile | undefined, name: string | null, options: unknown }

/**
 * Leaves the file at `request.importUpload`, and its hash and the options as the body, by which a repeated Idempotency-Key is judged.
 * @throws problem('IMPORT_UPLOAD_MALFORMED'), and whatever decodeFile and inspectFile throw
 */
export function receiveCsv ({ config }: Pick<Services, 'config'>): preValidationAsyncHookHandler {
  return async (request) => {
    const { incoming, name, options } = await receiveParts(request, config.DATA_DIR)
    if (incoming === undefined) throw problem('IMPORT_UPLOAD_MALFORMED')
    request.body = { file: `${incoming.sha256.toString('hex')} ${name ?? ''}`, ...(options === undefined ? {} : { options }) }
    try {
      // What is wrong with the options is told by the validation that follows.
      if (options !== undefined && !Check(ImportOptions, options)) return
      const text = await decodeFile(config.DATA_DIR, incoming)
      try {
        request.importUpload = { text, name, inspected: await inspectFile(text, options ?? {}) }
      } finally {
        if (request.importUpload === null) await rm(text.path, { force: true })
      }
    } finally {
      await rm(incoming.path, { force: true })
    }
  }
}

/** For the hook that runs whatever became of the request. */
export async function discardCsv ({ importUpload }: FastifyRequest): Promise<void> {
  if (importUpload !== null) await rm(importUpload.text.path, { force: true })
}

async function receiveParts (request: FastifyRequest, dataDir: string): Promise<Received> {
  if (!request.isMultipart()) throw problem('IMPORT_UPLOAD_MALFORMED')
  const received: Received = { incoming: undefined, name: null, options: undefined }
  try {
    for await (const part of request.parts({ limits: { files: 1, fields: 1, parts: 2, fileSize: mostBytes + 1, fieldSize: mostOptions } })) {
      if (part.type === 'file') {
        received.incoming = await receiveFile(dataDir, part.file, mostBytes)
        received.name = readName(part.filename)
      } else {
        if (part.fieldname !== 'options') throw problem('IMPORT_UPLOAD_MALFORMED')
        received.options = readOptions(part.value)
      }
    }
    return received
  } catch (error) {
    if (received.incoming !== undefined) await rm(received.incoming.path, { force: true })
    throw toProblem(error)
  }
}

function readOptions (value: unknown): unknown {
  try {
    return typeof value === 'string' ? JSON.parse(value) : value
  } catch (error) {
    throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/options', message: 'must be JSON' }], cause: error })
  }
}

function readName (filename: string | undefined): string | null {
  const name = Array.from((filename ?? '').replace(/^.*[\\/]/, '').replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').trim()).slice(0, 100).join('')
  return name === '' ? null : name
}

function toProblem (error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof TooManyBytes) return problem('CSV_TOO_LARGE', { cause: error })
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  // A full disk and the like are ours; whatever the parser says is the caller's.
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code) && code !== 'ECONNRESET') return problem('STORAGE_UNAVAILABLE', { retryAfter: 10, cause: error })
  return problem('IMPORT_UPLOAD_MALFORMED', { cause: error })
}
