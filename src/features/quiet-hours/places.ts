// By whose clocks members live, for other features.
import { type RawBuilder } from 'kysely'
import { branchZones, placeOfMember, placesOfMembers, zoneOfMember } from './queries.js'

export { type Place } from './windows.js'

/** Each pair of zone and state that some member lives by, and the organization's zone. */
export const placesOf = placesOfMembers

/** That of one member; undefined when there is none. */
export const placeOf = placeOfMember

/** `join`: a LEFT JOIN's right side, for a query with a member `m`. `of`: their own zone, a branch's, that of their number, the organization's. */
export function memberZone (organizationZone: string): { join: RawBuilder<unknown>, of: RawBuilder<string> } {
  return { join: branchZones, of: zoneOfMember(organizationZone) }
}
