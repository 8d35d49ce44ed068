// Removes bytes that no file names: what a crash left between the storage and the database, and what came to an organization that is deleted.
import { Problem } from '../../errors.js'
import { type StoredObject } from '../../providers/storage/storage.js'
import { type Services } from '../../services.js'
import { type TenantDb, type TenantId } from '../../tenancy/tenant.js'
import { goOnSweeping, graceMs, planSweep } from './plan-sweep.js'
import { contentsKept, lockContent, statusOf } from './queries.js'

/** Looked at in one run; the next one goes on where it ended. */
const pageSize = 500

type Sweeping = Pick<Services, 'tenancy' | 'registry' | 'storage' | 'jobs' | 'clock' | 'log'>

/** One page after the key `after`. Safe to call at any time, by several at once. @throws problem('STORAGE_UNAVAILABLE') and the like: it is tried again */
export async function sweepMedia (services: Sweeping, tenantId: TenantId, after?: string): Promise<void> {
  const listed = await services.storage.list(tenantId, pageSize, after)
  try {
    await services.tenancy.withTenant(tenantId, async (db) => { await removeUnnamed(services, db, tenantId, listed) })
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error
    await sweepAfter(services, tenantId, error)
    return
  }
  const last = listed.at(-1)
  if (listed.length === pageSize && last !== undefined) await goOnSweeping(services, tenantId, last.key)
}

async function removeUnnamed (services: Sweeping, db: TenantDb, tenantId: TenantId, listed: readonly StoredObject[]): Promise<void> {
  const found = listed.flatMap((object) => {
    const content = contentOf(tenantId, object.key)
    return content === undefined ? [] : { ...object, content }
  })
  const kept = new Set((await contentsKept(db, found.map(({ content }) => content))).map((content) => content.toString('hex')))
  const unnamed = found.filter(({ content }) => !kept.has(content.toString('hex')))
  const before = services.clock.now().getTime() - graceMs
  const old = unnamed.filter(({ modifiedAt }) => modifiedAt.getTime() <= before)
  for (const { key, content } of old) {
    await db.transaction().execute(async (trx) => {
      // As deleting a file does it: an upload of the same bytes finds them, or sees that they are gone and brings its own.
      await lockContent(trx, content)
      if ((await contentsKept(trx, [content])).length === 0) await services.storage.delete(key)
    })
  }
  if (old.length > 0) services.log.info({ tenantId, removed: old.length }, 'bytes that no file names were removed')
  if (old.length < unnamed.length) await planSweep(services, tenantId)
}

/** Nobody may ask its database: a deleted one keeps nothing; one that is being deleted is looked at again; any other plans it with its next upload. */
async function sweepAfter (services: Sweeping, tenantId: TenantId, error: Problem): Promise<void> {
  const status = await statusOf(services.registry, tenantId)
  if (status === 'deleted') await services.storage.deleteFolder(tenantId)
  else if (status === 'deleting') await planSweep(services, tenantId)
  else services.log.info({ tenantId, status, code: error.code }, 'the files of an organization are left alone')
}

/** The hash that names the bytes; undefined for what is not a file of media. */
function contentOf (tenantId: string, key: string): Buffer | undefined {
  const [folder, start = '', name = '', ...more] = key.split('/')
  const isOurs = folder === tenantId && /^[0-9a-f]{64}$/.test(name) && name.startsWith(start) && start.length === 2 && more.length === 0
  return isOurs ? Buffer.from(name, 'hex') : undefined
}
