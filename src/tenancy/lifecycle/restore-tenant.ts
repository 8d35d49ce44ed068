// Brings an archived organization back from its file, onto any server; also one that this registry does not know, or has deleted.
import { stat } from 'node:fs/promises'
import { sql } from 'kysely'
import { Type } from 'typebox'
import { problem } from '../../errors.js'
import { type RegistryTrx } from '../../registry/db.js'
import { tenantPassword } from '../credentials.js'
import { createTenantRole } from '../roles.js'
import { type TenantId } from '../tenant.js'
import { dropFromServer } from '../undo-tenant.js'
import { type ArchiveHeader, headerSchema } from './archive/archive-file.js'
import { withFile } from './archive/prove-file.js'
import { putFile } from './archive/spool.js'
import { fileSchema, recordFile, type TenantFile } from './archive/write-tenant.js'
import { forgetTenant, learnTenant } from './archive/registry-facts.js'
import { actAs, buildDatabase, inside } from './build-database.js'
import { holdUnsent } from './hold-unsent.js'
import { defineSaga, type OperationContext } from './saga.js'

const state = Type.Object({
  key: Type.String(),
  /** The name of the server it comes to. */
  server: Type.String(),
  status: Type.Enum(['active', 'suspended']),
  /** It went on after this file was written: what waited in it may have been sent. */
  isOld: Type.Boolean(),
  /** For a registry that does not know the organization any more. */
  header: Type.Optional(headerSchema),
  /** One that is brought from outside: on record here before it is in the storage, and kept as a backup. `path`: where the command ran. */
  brought: Type.Optional(Type.Object({ id: Type.String(), path: Type.String(), file: fileSchema })),
  learnt: Type.Optional(Type.Enum(['absent', 'deleted'])),
  serverBefore: Type.Optional(Type.String()),
  schemaVersion: Type.Optional(Type.Integer())
})

export const restoreSaga = defineSaga({
  kind: 'restore',
  state,
  admit,
  steps: [
    { name: 'brought', run: bring, undo: async ({ archives }, { brought }) => { if (brought !== undefined) await archives.delete(brought.file.key) } },
    { name: 'built', run: build, undo: drop }
  ],
  async complete (trx, tenantId, { status, schemaVersion, brought }) {
    await trx.updateTable('tenants').set({
      status, schema_version: schemaVersion ?? 0, migration_status: 'done', migration_error: null, updated_at: sql<Date>`now()`
    }).where('id', '=', tenantId).execute()
    if (brought !== undefined) await recordFile(trx, { id: brought.id, tenantId, kind: 'backup', file: brought.file, verified: true })
    // No longer the only copy: retention may take it in its time.
    await trx.updateTable('tenant_backups').set({ kind: 'backup' }).where('tenant_id', '=', tenantId).where('kind', '=', 'archive').execute()
  },
  async withdraw (trx, tenantId, { learnt, serverBefore }) {
    if (learnt !== undefined) await forgetTenant(trx, tenantId, learnt === 'deleted')
    else if (serverBefore !== undefined) await trx.updateTable('tenants').set({ server_id: serverBefore, updated_at: sql<Date>`now()` }).where('id', '=', tenantId).execute()
  }
})

export interface Brought { id: string, path: string, file: TenantFile }

interface State { key: string, server: string, status: 'active' | 'suspended', isOld: boolean, header?: ArchiveHeader, brought?: Brought, schemaVersion?: number }

/** It stays archived, and so refused, until all is there. */
async function admit (trx: RegistryTrx, tenantId: TenantId, { server, header }: State) {
  const target = await trx.selectFrom('database_servers').select('id').where('name', '=', server).executeTakeFirst()
  if (target === undefined) throw problem('TENANT_STATUS_CONFLICT', { detail: `The registry has no server ${server}. List them with: koinonia doctor` })
  const row = await trx.selectFrom('tenants').select(['status', 'server_id']).where('id', '=', tenantId).forUpdate().executeTakeFirst()
  if (row?.status === 'archived') {
    await trx.updateTable('tenants').set({ server_id: target.id, updated_at: sql<Date>`now()` }).where('id', '=', tenantId).execute()
    return { serverBefore: row.server_id }
  }
  if (row !== undefined && row.status !== 'deleted') {
    throw problem('TENANT_STATUS_CONFLICT', { detail: `The organization is ${row.status}. To put an older state in its place: koinonia tenants restore ${tenantId} --from-backup <backup>` })
  }
  if (header === undefined) throw problem('TENANT_NOT_FOUND', { detail: `No tenant has the id ${tenantId}. List them with: koinonia tenants list` })
  await learnTenant(trx, header, target.id)
  return { learnt: row === undefined ? 'absent' as const : 'deleted' as const }
}

/** Taken up by a worker of another machine, it may not have the file. */
async function bring (context: OperationContext, { brought }: State): Promise<undefined> {
  const { archives } = context
  await context.at('bringing')
  if (brought === undefined || await archives.exists(brought.file.key)) return
  const { path, file: { key, size, sha256 } } = brought
  const found = await stat(path).catch(() => undefined)
  if (found?.size !== size) throw problem('ARCHIVE_UNREADABLE', { detail: `${path} is not on the machine that went on with restoring it, or is another file by now. Nothing was changed; run the command again where the file is.` })
  await putFile(archives, key, path, { size, sha256: Buffer.from(sha256, 'hex') })
}

async function build (context: OperationContext, { key, isOld }: State) {
  const { work, tenant } = context
  const site = { server: tenant.server.name, database: tenant.databaseName, role: tenant.roleName }
  return await withFile(context, key, async (archive) => {
    if (archive.header.tenantId !== tenant.id) throw problem('ARCHIVE_UNREADABLE', { detail: `The file is ${archive.header.tenantId}'s, not ${tenant.id}'s. Nothing was changed.` })
    // What an attempt before a crash left; a stranger's is not touched.
    await drop(context)
    await work.servers.connect(site.server, async (client) => {
      await createTenantRole(client, tenant.roleName, tenantPassword(work.keyring, tenant), await work.identity())
    })
    const { schemaVersion } = await buildDatabase(context, site, archive)
    if (isOld) await inside(context, site, async (client) => { await actAs(client, site.role); await holdUnsent(client) })
    return { schemaVersion }
  })
}

async function drop (context: OperationContext): Promise<void> {
  const { work, tenant } = context
  await work.servers.connect(tenant.server.name, (client) => dropFromServer({ identity: work.identity, onStep: (step) => context.at(step) }, client, tenant))
}
