// What the API shows of segments, and of the members that fit one.
import { type FieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { decodeCursor, encodeCursor, type Page, toPage } from '../../http/pagination.js'
import { toTimestamp } from '../../http/wire.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { listMembersWhere } from '../members/list-members.js'
import { type Member } from '../members/schemas.js'
import { refuseUnknownInFilter } from './change-segments.js'
import { type AskedAt, compileFilter } from './compile-filter.js'
import { type SegmentFilter } from './filter-schema.js'
import { countMembers, findSegment, type SegmentRow, segmentsAfter } from './queries.js'
import { type Segment, type SegmentPreview, type SegmentWithSize } from './schemas.js'

interface PageQuery { limit: number, cursor?: string }

const sampleSize = 10

/** @throws problem('SEGMENT_NOT_FOUND') */
export async function getSegment (db: TenantDb, id: string, at: AskedAt): Promise<SegmentWithSize> {
  const row = await find(db, id)
  return { ...toSegment(row), ...await countMembers(db, compileFilter(row.filter, at)) }
}

/** @throws problem('CURSOR_INVALID') */
export async function listSegments (db: TenantDb, fields: FieldCrypto, { limit, cursor }: PageQuery): Promise<Page<Segment>> {
  const rows = await segmentsAfter(db, decodeCursor(fields, 'segments', cursor, 1)?.[0], limit + 1)
  return toPage(rows, limit, toSegment, (last) => encodeCursor(fields, 'segments', [last.sort_name]))
}

/** @throws problem('SEGMENT_NOT_FOUND'), 'CURSOR_INVALID' */
export async function listSegmentMembers (db: TenantDb, fields: FieldCrypto, id: string, at: AskedAt, page: PageQuery): Promise<Page<Member>> {
  const { filter } = await find(db, id)
  return await listMembersWhere(db, fields, `members of segment ${id}`, compileFilter(filter, at), page)
}

/** @throws problem('BRANCH_NOT_FOUND'), 'TAG_NOT_FOUND' */
export async function previewSegment (db: TenantDb, fields: FieldCrypto, filter: SegmentFilter, at: AskedAt): Promise<SegmentPreview> {
  await refuseUnknownInFilter(db, filter)
  const condition = compileFilter(filter, at)
  const { items } = await listMembersWhere(db, fields, 'preview', condition, { limit: sampleSize })
  return { ...await countMembers(db, condition), sample: items }
}

async function find (db: TenantDb, id: string): Promise<SegmentRow> {
  const row = await findSegment(db, id)
  if (row === undefined) throw problem('SEGMENT_NOT_FOUND')
  return row
}

function toSegment (row: SegmentRow): Segment {
  return { id: row.id, name: row.name, filter: row.filter, createdAt: toTimestamp(row.created_at), updatedAt: toTimestamp(row.updated_at) }
}
