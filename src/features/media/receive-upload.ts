// Takes in one uploaded file before the request holds a database connection: however slow the caller, nobody else waits.
import { type FastifyRequest, type preValidationAsyncHookHandler } from 'fastify'
import { rm } from 'node:fs/promises'
import { Problem, problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { type IncomingFile, receiveFile, TooManyBytes } from './incoming-file.js'
import { type SendableFile, toSendable } from './to-sendable.js'
import { mostReceived } from './limits.js'

export interface Upload { incoming: IncomingFile, sendable: SendableFile, name: string | null }

declare module 'fastify' {
  interface FastifyRequest { upload: Upload | null }
}

/**
 * Leaves the file at `request.upload`, and its hash as the body, by which a repeated Idempotency-Key is judged.
 * @throws problem('UPLOAD_MALFORMED'), 'MEDIA_TOO_LARGE', 'MEDIA_TYPE_REFUSED', 'MEDIA_UNREADABLE', 'MEDIA_BUSY'
 */
export function receiveUpload ({ config }: Pick<Services, 'config'>): preValidationAsyncHookHandler {
  return async (request) => {
    const { incoming, name } = await onlyFile(request, config.DATA_DIR)
    try {
      request.upload = { incoming, name, sendable: await toSendable(incoming) }
    } catch (error) {
      await rm(incoming.path, { force: true })
      throw error
    }
    request.body = { file: `${incoming.sha256.toString('hex')} ${name ?? ''}` }
  }
}

/** For the hook that runs whatever became of the request. */
export async function discardUpload ({ upload }: FastifyRequest): Promise<void> {
  if (upload !== null) await rm(upload.incoming.path, { force: true })
}

async function onlyFile (request: FastifyRequest, dataDir: string): Promise<{ incoming: IncomingFile, name: string | null }> {
  if (!request.isMultipart()) throw problem('UPLOAD_MALFORMED')
  let found: { incoming: IncomingFile, name: string | null } | undefined
  try {
    // One byte more than we take, so that receiveFile sees the excess and not a file that seems whole.
    for await (const part of request.files({ limits: { files: 1, fields: 0, parts: 2, fileSize: mostReceived + 1 } })) {
      found = { incoming: await receiveFile(dataDir, part.file, mostReceived), name: readName(part) }
    }
  } catch (error) {
    if (found !== undefined) await rm(found.incoming.path, { force: true })
    throw toProblem(error)
  }
  if (found === undefined) throw problem('UPLOAD_MALFORMED', { detail: 'There is no file in the upload. Send multipart/form-data with exactly one.' })
  return found
}

/** The last part of the name as the sender has it, for people. */
function readName ({ filename }: { filename?: string | undefined }): string | null {
  const name = Array.from((filename ?? '').replace(/^.*[\\/]/, '').replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').trim()).slice(0, 100).join('')
  return name === '' ? null : name
}

function toProblem (error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof TooManyBytes) return problem('MEDIA_TOO_LARGE', { cause: error })
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'FST_FILES_LIMIT' || code === 'FST_PARTS_LIMIT') return problem('UPLOAD_MALFORMED', { detail: 'There is more than one file in the upload. Send each in a request of its own.', cause: error })
  if (code === 'FST_FIELDS_LIMIT') return problem('UPLOAD_MALFORMED', { detail: 'There are fields beside the file. Send the file alone.', cause: error })
  // A full disk and the like are ours; whatever the parser says is the caller's.
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code) && code !== 'ECONNRESET') return problem('STORAGE_UNAVAILABLE', { retryAfter: 10, cause: error })
  return problem('UPLOAD_MALFORMED', { cause: error })
}
