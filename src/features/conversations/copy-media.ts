// Copies what came with a text from the carrier into our own storage, before the carrier forgets it.
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { fetchPublic, FetchForbidden } from '../../providers/fetch-public.js'
import { type Services } from '../../services.js'
import { type TenantId } from '../../tenancy/tenant.js'
import { type IncomingFile, receiveFile, TooManyBytes } from '../media/incoming-file.js'
import { keepFile } from '../media/keep-file.js'
import { mostReceived } from '../media/limits.js'
import { sniffType } from '../media/sniff-type.js'
import { findInboundMedia, updateMedia } from './media-queries.js'
import { isLastTry, type MediaToCopy, planNextTry } from './plan-copy.js'
import { keptMedia, type StoredMedia } from './stored-media.js'

/** Milliseconds for one file. */
const longestFetch = 60_000
/** A reason is for people, and comes from outside. */
const longestReason = 200

/** Safe to call at any time, by several at once: a file that is there already is not written again, and only what is pending changes. */
export async function copyMedia (services: Services, tenantId: TenantId, { providerMessageId, attempt }: MediaToCopy): Promise<void> {
  const found = await services.tenancy.withTenant(tenantId, async (db) => await findInboundMedia(db, providerMessageId, false))
  const pending = found?.media.filter(({ state }) => state === 'pending') ?? []
  let left = 0
  for (const { url } of pending) {
    if (url === null) continue
    const settled = await copyOne(services, tenantId, url, isLastTry(attempt))
    if (settled === undefined) left++
    else await settle(services, tenantId, providerMessageId, url, settled)
  }
  if (left > 0) await planNextTry(services, { tenantId, providerMessageId, attempt })
}

type Settled = Pick<StoredMedia, 'state' | 'reason'> & Partial<StoredMedia>

/** Undefined: not now, but there will be another try. */
async function copyOne (services: Services, tenantId: TenantId, url: string, isLast: boolean): Promise<Settled | undefined> {
  let incoming: IncomingFile | undefined
  try {
    incoming = await fetchFile(services, url)
    if (incoming.size === 0) throw new Error('the file is empty')
    return keptMedia(await keep(services, tenantId, incoming))
  } catch (error) {
    services.log.warn({ err: error, tenantId }, 'a picture or file of an inbound text could not be copied')
    const final = error instanceof FetchForbidden || error instanceof TooManyBytes
    if (!final && !isLast) return undefined
    return { state: 'failed', reason: reasonOf(error) }
  } finally {
    if (incoming !== undefined) await rm(incoming.path, { force: true })
  }
}

async function fetchFile ({ config }: Services, url: string): Promise<IncomingFile> {
  const hosts = config.INBOUND_MEDIA_HOSTS.split(',').map((host) => host.trim().toLowerCase()).filter((host) => host !== '')
  const policy = { hosts, allowPrivate: config.INBOUND_MEDIA_PRIVATE, timeoutMs: longestFetch }
  return await fetchPublic(url, policy, async (body) => await receiveFile(config.DATA_DIR, body, mostReceived))
}

/** As it came: it is somebody's own picture, and it is shown to the organization alone. */
async function keep (services: Services, tenantId: TenantId, { path, sha256, size }: IncomingFile) {
  const contentType = await sniffType(path)
  const content = { open: () => createReadStream(path), sha256, size, contentType, width: null, height: null }
  const { row } = await services.tenancy.withTenant(tenantId, async (db) => await keepFile(services, db, tenantId, { origin: 'inbound', sha256, size, name: null, content, by: null }))
  return row
}

async function settle ({ tenancy }: Services, tenantId: TenantId, providerMessageId: string, url: string, settled: Settled): Promise<void> {
  await tenancy.withTenant(tenantId, async (db) => {
    await db.transaction().execute(async (trx) => {
      const now = await findInboundMedia(trx, providerMessageId, true)
      if (now === undefined) return
      await updateMedia(trx, { id: now.id, media: now.media.map((one) => one.state === 'pending' && one.url === url ? { ...one, ...settled } : one) })
    })
  })
}

function reasonOf (error: unknown): string {
  if (error instanceof TooManyBytes) return `larger than ${mostReceived / 1024 / 1024} MB`
  const { message, cause } = error instanceof Error ? error : new Error('unknown')
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return `${message} ${code}`.trim().slice(0, longestReason)
}
