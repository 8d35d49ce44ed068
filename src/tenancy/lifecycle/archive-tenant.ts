// Puts an organization away: its database into one file, proved by restoring it, and then the database and its role are dropped.
import { Type } from 'typebox'
import { dropFromServer } from '../undo-tenant.js'
import { proveFile } from './archive/prove-file.js'
import { fileSchema, recordFile, type TenantFile, writeTenant } from './archive/write-tenant.js'
import { dropScratch, scratchName } from './build-database.js'
import { closeDatabase, openDatabase } from './close-database.js'
import { enterStatus, setStatus } from './enter-status.js'
import { folders } from './object-store.js'
import { defineSaga, type OperationContext } from './saga.js'
import { refuseNewerSchema } from './schema-fits.js'

const state = Type.Object({
  was: Type.Optional(Type.Enum(['active', 'suspended'])),
  file: Type.Optional(fileSchema),
  operationId: Type.Optional(Type.String())
})

interface State { was?: 'active' | 'suspended', file?: TenantFile, operationId?: string }

const keyOf = ({ tenant, operationId }: OperationContext): string => `${folders.archives}/${tenant.id}/${operationId}`

export const archiveSaga = defineSaga({
  kind: 'archive',
  state,
  async admit (trx, tenantId) {
    await refuseNewerSchema(trx, tenantId)
    return { was: await enterStatus(trx, tenantId, ['active', 'suspended'], 'archived') }
  },
  steps: [
    { name: 'closed', run: close, undo: openDatabase },
    {
      name: 'written',
      run: async (context, { was }) => ({ file: await writeTenant(context, keyOf(context), was ?? 'suspended'), operationId: context.operationId }),
      undo: async (context) => { await context.archives.delete(keyOf(context)) }
    },
    { name: 'proved', run: prove, undo: async (context) => { await dropScratch(context, context.tenant.server.name, scratchName(context.operationId)) } },
    { name: 'dropped', final: true, run: drop }
  ],
  async complete (trx, tenantId, { file, operationId }) {
    if (file === undefined || operationId === undefined) throw new Error('The archive has no file.')
    await recordFile(trx, { id: operationId, tenantId, kind: 'archive', file, verified: true })
  },
  withdraw: async (trx, tenantId, { was }) => { await setStatus(trx, tenantId, was ?? 'suspended') }
})

async function close (context: OperationContext): Promise<undefined> {
  await closeDatabase(context)
}

async function prove (context: OperationContext, { file }: State): Promise<undefined> {
  if (file === undefined) throw new Error('The archive has no file.')
  await proveFile(context, context.tenant.server.name, file.key, file.tables)
}

/** The file has been proved a moment ago; it must still be where it was put. */
async function drop (context: OperationContext, { file }: State): Promise<undefined> {
  const { tenant, work, archives } = context
  if (file === undefined || !await archives.exists(file.key)) throw new Error(`The archive ${file?.key ?? ''} is not in the storage; nothing is dropped without it.`)
  await context.confirm()
  await work.servers.connect(tenant.server.name, (client) => dropFromServer({ identity: work.identity, onStep: (step) => context.at(step) }, client, tenant))
}
