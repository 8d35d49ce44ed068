// Backs an organization up while it is in use: everything of one moment, into a file beside those before, of which the oldest go.
import { Type } from 'typebox'
import { type RegistryDb } from '../../registry/db.js'
import { enterStatus } from './enter-status.js'
import { fileSchema, recordFile, type TenantFile, writeTenant } from './archive/write-tenant.js'
import { folders, type ObjectStore } from './object-store.js'
import { defineSaga, type OperationContext } from './saga.js'

const state = Type.Object({
  /** How many backups are left, this one included; all when it is not said. */
  keep: Type.Optional(Type.Integer({ minimum: 1 })),
  was: Type.Optional(Type.Enum(['active', 'suspended'])),
  file: Type.Optional(fileSchema)
})

interface State { keep?: number, was?: 'active' | 'suspended', file?: TenantFile }

const keyOf = ({ tenant, operationId }: OperationContext): string => `${folders.backups}/${tenant.id}/${operationId}`

export const backupSaga = defineSaga({
  kind: 'backup',
  state,
  async admit (trx, tenantId) {
    const was = await enterStatus(trx, tenantId, ['active', 'suspended'], undefined)
    return { was }
  },
  steps: [
    {
      name: 'written',
      run: async (context, { was }) => ({ file: await writeTenant(context, keyOf(context), was ?? 'active') }),
      undo: async (context) => { await context.archives.delete(keyOf(context)) }
    },
    { name: 'recorded', final: true, run: record },
    { name: 'pruned', run: prune }
  ],
  complete: async () => undefined,
  withdraw: async () => undefined
})

async function record ({ work, operationId, tenant }: OperationContext, { file }: State): Promise<undefined> {
  if (file === undefined) throw new Error('The backup has no file.')
  await work.registry.transaction().execute((trx) => recordFile(trx, { id: operationId, tenantId: tenant.id, kind: 'backup', file, verified: false }))
}

async function prune ({ work, archives, tenant, at }: OperationContext, { keep }: State): Promise<undefined> {
  if (keep !== undefined) await pruneBackups(work.registry, archives, tenant.id, keep, () => at('file-removed'))
}

/** The file first, then its row: what a crash leaves is found again. Archives are never touched. */
async function pruneBackups (registry: RegistryDb, archives: ObjectStore, tenantId: string, keep: number, between: () => Promise<void>): Promise<void> {
  const old = await registry.selectFrom('tenant_backups').select(['id', 'storage_key']).where('tenant_id', '=', tenantId).where('kind', '=', 'backup')
    .orderBy('created_at', 'desc').orderBy('id', 'desc').offset(keep).execute()
  for (const { id, storage_key: key } of old) {
    await archives.delete(key)
    await between()
    await registry.deleteFrom('tenant_backups').where('id', '=', id).execute()
  }
}
