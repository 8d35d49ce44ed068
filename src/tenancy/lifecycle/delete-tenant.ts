// Deletes an organization: refused from the first moment, removed when the grace is over, and until then taken back without a trace.
import { sql } from 'kysely'
import { Type } from 'typebox'
import { dropFromServer } from '../undo-tenant.js'
import { enterStatus, setStatus } from './enter-status.js'
import { folders } from './object-store.js'
import { defineSaga, type OperationContext } from './saga.js'

const state = Type.Object({
  was: Type.Optional(Type.Enum(['active', 'suspended', 'archived']))
})

export const deleteSaga = defineSaga({
  kind: 'delete',
  state,
  admit: async (trx, tenantId) => ({ was: await enterStatus(trx, tenantId, ['active', 'suspended', 'archived'], 'deleting') }),
  steps: [
    // Recorded before anything goes, so that who takes the deletion back can tell.
    { name: 'begun', run: async () => undefined },
    { name: 'routes-removed', final: true, run: removeRoutes },
    { name: 'media-removed', run: removeMedia },
    { name: 'copies-removed', run: removeCopies },
    { name: 'database-dropped', run: dropDatabase }
  ],
  // The id stays taken: nothing that was ever signed or queued for it can reach another organization.
  async complete (trx, tenantId) {
    const row = await trx.selectFrom('tenants').select('organization_id').where('id', '=', tenantId).executeTakeFirstOrThrow()
    await trx.updateTable('tenants').set({ status: 'deleted', organization_id: null, migration_error: null, updated_at: sql<Date>`now()` }).where('id', '=', tenantId).execute()
    if (row.organization_id !== null) await trx.deleteFrom('organizations').where('id', '=', row.organization_id).execute()
  },
  withdraw: async (trx, tenantId, { was }) => { await setStatus(trx, tenantId, was ?? 'suspended') }
})

/** Nobody can sign in to it, no text finds it, and what webhooks carried of its words is gone. */
async function removeRoutes ({ work, tenant }: OperationContext): Promise<undefined> {
  await work.registry.transaction().execute(async (trx) => {
    await trx.deleteFrom('phone_number_registry').where('tenant_id', '=', tenant.id).execute()
    await trx.deleteFrom('admin_email_index').where('tenant_id', '=', tenant.id).execute()
    await trx.deleteFrom('sign_up_keys').where('tenant_id', '=', tenant.id).execute()
    await trx.updateTable('webhook_events')
      .set({ status: 'ignored', payload: null, last_error: 'The organization was deleted.', processed_at: sql<Date>`coalesce(processed_at, now())` })
      .where('tenant_id', '=', tenant.id).where('payload', 'is not', null).execute()
  })
}

async function removeMedia ({ media, tenant }: OperationContext): Promise<undefined> {
  await media.deleteFolder(tenant.id)
}

/** Its archive and its backups: deleted means from there too. */
async function removeCopies ({ archives, tenant, work }: OperationContext): Promise<undefined> {
  for (const folder of Object.values(folders)) await archives.deleteFolder(`${folder}/${tenant.id}`)
  await work.registry.deleteFrom('tenant_backups').where('tenant_id', '=', tenant.id).execute()
}

/** An archived one has none; then there is nothing to do. */
async function dropDatabase (context: OperationContext): Promise<undefined> {
  const { tenant, work } = context
  await context.drain(tenant.id)
  await context.confirm()
  await work.servers.connect(tenant.server.name, (client) => dropFromServer({ identity: work.identity, onStep: (step) => context.at(step) }, client, tenant))
}
