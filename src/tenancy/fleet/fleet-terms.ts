// Which tenants a run over the fleet is about.
import { type RawBuilder, sql } from 'kysely'

export interface Terms {
  direction: 'up' | 'down'
  target: number
  /** Null: every tenant. */
  only: string[] | null
}

/** Those that a run is about, whoever has them in hand. Spares are taken back like tenants; up they go with their own kind. */
export function toMigrate ({ direction, target, only }: Terms): RawBuilder<unknown> {
  const version = direction === 'up'
    ? sql`t.status IN ('active', 'suspended') AND t.schema_version < ${target}`
    : sql`t.status IN ('active', 'suspended', 'spare') AND t.schema_version > ${target}`
  return only === null ? version : sql`${version} AND t.id = ANY(${only})`
}
