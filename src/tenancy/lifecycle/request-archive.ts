// What an operator may ask for with files: to archive, to restore from the archive, from a file of one's own, or from a backup.
import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { problem } from '../../errors.js'
import { type RegistryDb } from '../../registry/db.js'
import { type Provisioner } from '../provisioner.js'
import { type TenantId } from '../tenant.js'
import { archiveSaga } from './archive-tenant.js'
import { type ArchiveHeader, readArchive } from './archive/archive-file.js'
import { withFile } from './archive/prove-file.js'
import { measuring } from './archive/spool.js'
import { type TenantFile } from './archive/write-tenant.js'
import { digesting } from './copy/table-digest.js'
import { qualified } from './copy/tables.js'
import { folders, type ObjectStore } from './object-store.js'
import { type Operations, type Request } from './operations.js'
import { type Brought, restoreSaga } from './restore-tenant.js'

export interface ArchiveServices {
  registry: RegistryDb
  operations: Operations
  provisioner: Pick<Provisioner, 'placeFor' | 'work'>
  archives: ObjectStore
  spool: string
}

export interface FileRow { id: string, tenantId: string, kind: 'archive' | 'backup', key: string, sha256: Buffer }

/** Returns the file's row. @throws what `perform` throws */
export async function archiveTenant (services: ArchiveServices, id: TenantId, request: Request): Promise<FileRow> {
  await services.operations.perform(archiveSaga, id, {}, request)
  return await archiveOf(services.registry, id)
}

/** From its own archive: nothing has happened to it since, so what waited then is sent now. */
export async function restoreArchived (services: ArchiveServices, id: TenantId, server: string | undefined, request: Request): Promise<void> {
  const { status } = await services.operations.tenant(id)
  if (status !== 'archived') throw problem('TENANT_STATUS_CONFLICT', { detail: `The organization is ${status}, not archived. To put an older state in its place: koinonia tenants restore ${id} --from-backup <backup>` })
  const { key } = await archiveOf(services.registry, id)
  await restoreFrom(services, { id, key, server, isOld: false }, request)
}

/** From a backup, of an organization that is archived, deleted or unknown. */
export async function restoreBackup (services: ArchiveServices, { tenantId, key }: FileRow, server: string | undefined, request: Request): Promise<void> {
  await restoreFrom(services, { id: tenantId as TenantId, key, server, isOld: true }, request)
}

/** From a file on this machine, which is read to its end first. Returns whose it is. @throws Problem ARCHIVE_UNREADABLE */
export async function restoreFile (services: ArchiveServices, path: string, server: string | undefined, request: Request): Promise<TenantId> {
  const { header, file: read } = await readThrough(services, path)
  const id = header.tenantId as TenantId
  const own = await services.registry.selectFrom('tenant_backups').select(['storage_key', 'sha256']).where('tenant_id', '=', id).where('kind', '=', 'archive').executeTakeFirst()
  const file: TenantFile = { key: `${folders.archives}/${id}/${randomUUID()}`, ...read }
  const brought = { id: randomUUID(), path: resolve(path), file }
  await restoreFrom(services, { id, key: file.key, server, isOld: own?.sha256.toString('hex') !== file.sha256, header, brought }, request)
  return id
}

/** @throws Problem TENANT_NOT_FOUND */
export async function findFile (registry: RegistryDb, id: string): Promise<FileRow> {
  const row = /^[0-9a-f-]{36}$/.test(id) ? await select(registry).where('id', '=', id).executeTakeFirst() : undefined
  if (row === undefined) throw problem('TENANT_NOT_FOUND', { detail: `No backup has the id ${id}. List them with: koinonia tenants backups` })
  return row
}

async function archiveOf (registry: RegistryDb, id: TenantId): Promise<FileRow> {
  const row = await select(registry).where('tenant_id', '=', id).where('kind', '=', 'archive').executeTakeFirst()
  if (row === undefined) throw problem('TENANT_STATUS_CONFLICT', { detail: `The registry knows no archive of ${id}. If you have its file: koinonia tenants restore <file>` })
  return row
}

const select = (registry: RegistryDb) => registry.selectFrom('tenant_backups').select(['id', 'tenant_id as tenantId', 'kind', 'storage_key as key', 'sha256'])

interface Source { id: TenantId, key: string, server: string | undefined, isOld: boolean, header?: ArchiveHeader, brought?: Brought }

async function restoreFrom (services: ArchiveServices, { id, key, server, header, ...source }: Source, request: Request): Promise<void> {
  const { name } = await services.provisioner.placeFor(server)
  const found = header ?? await withFile({ archives: services.archives, work: services.provisioner.work }, key, async (archive) => archive.header)
  await services.operations.perform(restoreSaga, id, { key, server: name, status: found.status, header: found, ...source }, request)
}

/** Nothing of a file is sure before its end. */
async function readThrough ({ provisioner }: ArchiveServices, path: string): Promise<{ header: ArchiveHeader, file: Omit<TenantFile, 'key'> }> {
  const bytes = measuring(createReadStream(path))
  const { header, parts } = await readArchive(provisioner.work.keyring, bytes.content)
  const tables: TenantFile['tables'] = {}
  let [name, digest] = ['', digesting()]
  for await (const part of parts) {
    if (part.part === 'table') [name, digest] = [qualified(part.table), digesting()]
    if (part.part === 'rows') digest.add(part.rows)
    if (part.part === 'table-end') tables[name] = digest.digest()
  }
  const { size, sha256 } = bytes.measured()
  return { header, file: { size, sha256: sha256.toString('hex'), schemaVersion: header.schemaVersion, madeAt: header.madeAt, tables } }
}
