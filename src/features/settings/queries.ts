// All SQL of settings.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

/** A text that is null is ours. */
export interface SettingsRow { welcome_enabled: boolean, welcome_text: string | null, help_text: string | null, country: string | null }

export async function findSettings (db: TenantDb): Promise<SettingsRow> {
  const row = await db.selectFrom('messaging_settings').select(['welcome_enabled', 'welcome_text', 'help_text', 'country']).executeTakeFirst()
  return row ?? { welcome_enabled: false, welcome_text: null, help_text: null, country: null }
}

/** What is left out keeps what it had. */
export async function saveSettings (trx: TenantDb, changes: { [Column in keyof SettingsRow]?: SettingsRow[Column] | undefined }): Promise<void> {
  await trx.insertInto('messaging_settings').values(changes)
    .onConflict((conflict) => conflict.column('only_row').doUpdateSet({ ...changes, updated_at: sql`now()` })).execute()
}
