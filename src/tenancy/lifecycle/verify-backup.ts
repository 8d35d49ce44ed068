// Proves that a backup can be restored, and writes down that it can, or why not.
import { sql } from 'kysely'
import { Type } from 'typebox'
import { Problem } from '../../errors.js'
import { proveFile } from './archive/prove-file.js'
import { fileSchema, type TenantFile } from './archive/write-tenant.js'
import { dropScratch, scratchName } from './build-database.js'
import { CopyDiffers } from './copy/write-database.js'
import { defineSaga, type OperationContext } from './saga.js'

const state = Type.Object({
  backup: Type.String(),
  key: Type.String(),
  /** Where the database for comparing is made. */
  server: Type.String(),
  tables: fileSchema.properties.tables,
  failure: Type.Optional(Type.String())
})

interface State { key: string, server: string, tables: TenantFile['tables'] }

export const verifySaga = defineSaga({
  kind: 'verify',
  state,
  admit: async () => ({}),
  steps: [{ name: 'compared', run: compare, undo: async (context, { server }) => { await dropScratch(context, server, scratchName(context.operationId)) } }],
  async complete (trx, _tenantId, { backup, failure }) {
    await trx.updateTable('tenant_backups').set({ verified_at: sql<Date>`now()`, verify_error: failure ?? null }).where('id', '=', backup).execute()
  },
  withdraw: async () => undefined
})

/** What is wrong with the file is an answer; a server that is away is not, and fails the step. */
async function compare (context: OperationContext, { server, key, tables }: State) {
  try {
    await proveFile(context, server, key, tables)
    return {}
  } catch (error) {
    if (!(error instanceof CopyDiffers) && !(error instanceof Problem && error.code === 'ARCHIVE_UNREADABLE')) throw error
    await dropScratch(context, server, scratchName(context.operationId))
    return { failure: error.message }
  }
}
