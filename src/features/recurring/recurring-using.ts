// Which recurring messages depend on a segment.
import { type TenantDb } from '../../tenancy/tenant.js'
import { recurringForSegment } from './segment-queries.js'

/** Names of those with occurrences to come, paused ones too, that go to the segment or leave it out; the first ten. */
export async function recurringUsing (trx: TenantDb, segmentId: string): Promise<string[]> {
  return await recurringForSegment(trx, segmentId, 10)
}
