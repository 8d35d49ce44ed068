// Writes a tenant's file to the storage: everything of one moment, in constant memory.
import { sql } from 'kysely'
import { Type, type Static } from 'typebox'
import { type RegistryTrx } from '../../../registry/db.js'
import { actAs, inside } from '../build-database.js'
import { type DatabasePart, openSnapshot, readDatabase } from '../copy/read-database.js'
import { qualified } from '../copy/tables.js'
import { type OperationContext } from '../saga.js'
import { type ArchiveHeader, writeArchive } from './archive-file.js'
import { headerOf } from './registry-facts.js'
import { store } from './spool.js'

/** What tenant_backups has of a file. */
export const fileSchema = Type.Object({
  key: Type.String(),
  size: Type.Integer(),
  /** Hex. */
  sha256: Type.String(),
  schemaVersion: Type.Integer(),
  madeAt: Type.String(),
  tables: Type.Record(Type.String(), Type.Object({ rows: Type.Integer(), sha256: Type.String() }))
})

export type TenantFile = Static<typeof fileSchema>

export async function writeTenant (context: OperationContext, key: string, status: ArchiveHeader['status']): Promise<TenantFile> {
  const { tenant, work, archives, spool, progress, signal, at } = context
  return await inside(context, { server: tenant.server.name, database: tenant.databaseName }, async (client) => {
    await actAs(client, tenant.roleName)
    const snapshot = await openSnapshot(client)
    const { rows: [schema] } = await client.query<{ version: number }>('SELECT count(*)::integer AS version FROM public.pgmigrations')
    const facts = { schemaVersion: schema?.version ?? 0, status, madeAt: new Date().toISOString() }
    const header = await headerOf(work.registry, tenant.id, facts)
    const tables: TenantFile['tables'] = {}
    const parts = noting(readDatabase(client, { progress, signal, tables: snapshot }), tables, () => at('writing'))
    const { size, sha256 } = await store(archives, spool, key, writeArchive(work.keyring, header, parts))
    return { key, size, sha256: sha256.toString('hex'), schemaVersion: facts.schemaVersion, madeAt: facts.madeAt, tables }
  })
}

/** Passes the parts on and keeps each table's digest. `halfWay`: when all rows have been read. */
async function * noting (parts: AsyncIterable<DatabasePart>, tables: TenantFile['tables'], halfWay: () => Promise<void>): AsyncGenerator<DatabasePart, void> {
  let name = ''
  for await (const part of parts) {
    if (part.part === 'table') name = qualified(part.table)
    if (part.part === 'table-end') tables[name] = part.digest
    if (part.part === 'sequences') await halfWay()
    yield part
  }
}

/** The file is known from here on. Again changes nothing. */
export async function recordFile (trx: RegistryTrx, { id, tenantId, kind, file, verified }: { id: string, tenantId: string, kind: 'archive' | 'backup', file: TenantFile, verified: boolean }): Promise<void> {
  await trx.insertInto('tenant_backups').values({
    id,
    tenant_id: tenantId,
    kind,
    storage_key: file.key,
    size_bytes: file.size,
    sha256: Buffer.from(file.sha256, 'hex'),
    schema_version: file.schemaVersion,
    tables: JSON.stringify(file.tables),
    created_at: file.madeAt,
    ...(verified ? { verified_at: sql<Date>`now()` } : {})
  }).onConflict((conflict) => conflict.column('id').doNothing()).execute()
}
