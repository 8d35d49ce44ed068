// Which registry this is: the name its databases and roles bear on servers that other registries may use as well.
import { sql } from 'kysely'
import { type RegistryDb } from './db.js'

/** A uuid. A copy of a registry (restored, or cloned for tests) finds itself in another database and gets a new one. */
export async function registryIdentity (registry: RegistryDb): Promise<string> {
  const livesIn = sql<string>`(SELECT system_identifier FROM pg_control_system()) || ':' || (SELECT oid FROM pg_database WHERE datname = current_database())`
  const { rows: [known] } = await sql<{ id: string }>`SELECT id FROM registry_identity WHERE lives_in = ${livesIn}`.execute(registry)
  if (known !== undefined) return known.id
  const { rows: [made] } = await sql<{ id: string }>`
    INSERT INTO registry_identity (lives_in) VALUES (${livesIn})
    ON CONFLICT (only_row) DO UPDATE
      SET lives_in = excluded.lives_in,
          id = CASE WHEN registry_identity.lives_in = excluded.lives_in THEN registry_identity.id ELSE excluded.id END
    RETURNING id`.execute(registry)
  if (made === undefined) throw new Error('The registry has no identity. Run `koinonia migrate`, then try again.')
  return made.id
}
