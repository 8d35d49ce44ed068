// Lists members by name, page by page, of those that fit a search.
import { type FieldCrypto } from '../../crypto/fields.js'
import { decodeCursor, encodeCursor, type Page, toPage } from '../../http/pagination.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { readPhone } from './phone.js'
import { membersAfter } from './queries.js'
import { type Member, type MemberQuery } from './schemas.js'
import { toWire } from './to-wire.js'

const LIST = 'members'

/** @throws problem('CURSOR_INVALID') */
export async function listMembers (db: TenantDb, fields: FieldCrypto, query: MemberQuery): Promise<Page<Member>> {
  const { search = '', branchId, tag, optInState, limit, cursor } = query
  const phone = readPhone(search)
  const rows = await membersAfter(db, {
    words: search.toLowerCase().split(/\s+/).filter((word) => word !== ''),
    phoneHash: phone === undefined ? undefined : fields.blindIndex(phone),
    branchId,
    tag,
    optInState,
    after: decodeCursor(fields, LIST, cursor, 3),
    limit: limit + 1
  })
  return toPage(rows, limit, (row) => toWire(row, fields), (last) => encodeCursor(fields, LIST, [last.sortLastName, last.sortFirstName, last.id]))
}
