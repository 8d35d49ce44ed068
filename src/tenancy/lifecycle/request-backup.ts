// What an operator may ask for with backups: to make them, to prove one, and to go back to one.
import { type RegistryDb } from '../../registry/db.js'
import { type TenantId } from '../tenant.js'
import { backupSaga } from './backup-tenant.js'
import { type TenantFile } from './archive/write-tenant.js'
import { type Request } from './operations.js'
import { type ArchiveServices, type FileRow, restoreBackup } from './request-archive.js'
import { revertSaga } from './revert-tenant.js'
import { verifySaga } from './verify-backup.js'

export interface BackupProgress { total: number, done: number, failed: number }
export interface BackupOutcome { made: number, failed: Array<{ tenantId: TenantId, error: string }> }

/** Those in use, oldest backup first; with `maxAgeHours` only those whose latest is older, or who have none. */
export async function tenantsToBackUp (registry: RegistryDb, maxAgeHours: number | undefined): Promise<TenantId[]> {
  const rows = await registry.selectFrom('tenants')
    .leftJoin('tenant_backups', 'tenant_backups.tenant_id', 'tenants.id')
    .select((row) => ['tenants.id', row.fn.max('tenant_backups.created_at').as('latest')])
    .where('tenants.status', 'in', ['active', 'suspended']).groupBy('tenants.id').execute()
  const oldest = maxAgeHours === undefined ? Infinity : Date.now() - maxAgeHours * 3_600_000
  return rows.map(({ id, latest }) => ({ id: id as TenantId, at: latest?.getTime() ?? 0 })).filter(({ at }) => at < oldest)
    .sort((one, other) => one.at - other.at).map(({ id }) => id)
}

/** `concurrency` at a time. One that fails does not stop the rest. */
export async function backUp (
  { operations }: ArchiveServices, ids: readonly TenantId[], { keep, concurrency, requestedBy }: { keep: number | undefined, concurrency: number, requestedBy: string }, onProgress: (progress: BackupProgress) => void
): Promise<BackupOutcome> {
  const outcome: BackupOutcome = { made: 0, failed: [] }
  const waiting = [...ids]
  const tell = (): void => { onProgress({ total: ids.length, done: outcome.made + outcome.failed.length, failed: outcome.failed.length }) }
  const work = async (): Promise<void> => {
    for (let tenantId = waiting.shift(); tenantId !== undefined; tenantId = waiting.shift()) {
      try {
        await operations.perform(backupSaga, tenantId, keep === undefined ? {} : { keep }, { requestedBy })
        outcome.made++
      } catch (error) {
        outcome.failed.push({ tenantId, error: error instanceof Error ? error.message : String(error) })
      }
      tell()
    }
  }
  tell()
  await Promise.all(Array.from({ length: Math.min(concurrency, ids.length) }, work))
  return outcome
}

/** Undefined when it can be restored, else what is wrong with it. */
export async function verifyBackup ({ registry, operations, provisioner }: ArchiveServices, file: FileRow, request: Request): Promise<string | undefined> {
  const { tables } = await registry.selectFrom('tenant_backups').select('tables').where('id', '=', file.id).executeTakeFirstOrThrow()
  const { name: server } = await provisioner.placeFor()
  await operations.perform(verifySaga, file.tenantId as TenantId, { backup: file.id, key: file.key, server, tables: tables as TenantFile['tables'] }, request)
  const { verify_error: failure } = await registry.selectFrom('tenant_backups').select('verify_error').where('id', '=', file.id).executeTakeFirstOrThrow()
  return failure ?? undefined
}

/** One in use is backed up first, so that this too can be taken back; returns that backup's id. */
export async function goBackTo (services: ArchiveServices, file: FileRow, server: string | undefined, request: Request): Promise<string | undefined> {
  const { registry, operations } = services
  const id = file.tenantId as TenantId
  const status = await registry.selectFrom('tenants').select('status').where('id', '=', id).executeTakeFirst()
  const [unfinished] = await operations.list({ tenantId: id, unfinishedOnly: true, limit: 1 })
  if (unfinished?.kind !== revertSaga.kind && status?.status !== 'active' && status?.status !== 'suspended') {
    await restoreBackup(services, file, server, request)
    return undefined
  }
  if (unfinished === undefined) await operations.perform(backupSaga, id, {}, request)
  const latest = await registry.selectFrom('tenant_backups').select('id').where('tenant_id', '=', id).orderBy('created_at', 'desc').limit(1).executeTakeFirst()
  await operations.perform(revertSaga, id, { key: file.key }, request)
  return latest?.id
}
