// The schema version that this code brings every tenant to.
import { migrationFiles } from '../registry/apply-migrations.js'

let version: number | undefined

/** How many migration files there are. */
export function currentSchemaVersion (): number {
  version ??= migrationFiles('tenant').length
  return version
}
