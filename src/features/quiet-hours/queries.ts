// The SQL of quiet hours: the organization's own, and by whose clocks its members live.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Hours } from './rules.js'
import { type Place } from './windows.js'

/** Null: the organization keeps to those of the law. */
export async function readOwnHours (db: TenantDb): Promise<Hours | null> {
  return await db.selectFrom('quiet_hours').select(['opens', 'closes']).executeTakeFirst() ?? null
}

export async function writeOwnHours (trx: TenantDb, hours: Hours | null): Promise<void> {
  if (hours === null) {
    await trx.deleteFrom('quiet_hours').execute()
    return
  }
  await trx.insertInto('quiet_hours').values(hours).onConflict((conflict) => conflict.column('only_row').doUpdateSet({ ...hours, updated_at: sql`now()` })).execute()
}

/** To be joined to a member `m`, as `bz`: the zone of the branch they joined first among those that have one. */
export const branchZones = sql`(
  SELECT DISTINCT ON (mb.member_id) mb.member_id, b.time_zone FROM branches b JOIN member_branches mb ON mb.branch_id = b.id
  WHERE b.time_zone IS NOT NULL ORDER BY mb.member_id, mb.created_at, b.id
) AS bz ON bz.member_id = m.id`

/** Of a member `m`, with `branchZones` joined as `bz`: their own zone, a branch's, that of their number, the organization's. */
export function zoneOfMember (organizationZone: string) {
  return sql<string>`coalesce(m.time_zone, bz.time_zone, m.phone_zone, ${organizationZone})`
}

/** Each pair of zone and state that some member lives by, and the organization's zone. */
export async function placesOfMembers (db: TenantDb, organizationZone: string): Promise<Place[]> {
  const { rows } = await sql<Place>`
    SELECT ${zoneOfMember(organizationZone)} AS "timeZone", m.phone_region AS region
    FROM members m LEFT JOIN ${branchZones} WHERE m.deleted_at IS NULL
    UNION SELECT ${organizationZone}, NULL`.execute(db)
  return rows
}

/** Where a member lives, as `placesOfMembers` has it; undefined when there is no such member. */
export async function placeOfMember (db: TenantDb, memberId: string, organizationZone: string): Promise<Place | undefined> {
  const { rows: [place] } = await sql<Place>`
    SELECT ${zoneOfMember(organizationZone)} AS "timeZone", m.phone_region AS region
    FROM members m LEFT JOIN ${branchZones} WHERE m.id = ${memberId}`.execute(db)
  return place
}
