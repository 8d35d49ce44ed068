// The doctor's look at runs over the fleet: one that was cut off, and not gone on with.
import { sql } from 'kysely'
import { attempt, type Check, failed } from './check.js'
import { type Operator } from './operator.js'

/** A runner speaks every five seconds. */
const SILENT_MINUTES = 1

export async function checkFleet ({ registry }: Pick<Operator, 'registry'>): Promise<Check[]> {
  return await attempt('fleet migration', 'Run: koinonia migrate', async () => {
    const { rows } = await sql<{ direction: string, target: number, heard: Date }>`
      SELECT direction, target_version AS target, heard_at AS heard FROM fleet_migrations
      WHERE finished_at IS NULL AND heard_at < now() - make_interval(mins => ${SILENT_MINUTES})`.execute(registry)
    return rows.map(({ direction, target, heard }) => failed('fleet migration', `${direction} to version ${target}, cut off: last heard of at ${heard.toISOString()}`, 'Go on with it: koinonia migrate tenants --resume'))
  })
}
