// Which messages still to leave depend on a segment.
import { type TenantDb } from '../../tenancy/tenant.js'
import { scheduledForSegment } from './queries.js'

/** Their ids, whether they go to the segment or leave it out; the first ten. */
export async function scheduledUsing (trx: TenantDb, segmentId: string): Promise<string[]> {
  return await scheduledForSegment(trx, segmentId, 10)
}
