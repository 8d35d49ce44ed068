// Lists members by name, page by page, of those that fit a search.
import { type RawBuilder } from 'kysely'
import { type FieldCrypto } from '../../crypto/fields.js'
import { decodeCursor, encodeCursor, type Page, toPage } from '../../http/pagination.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { type Country, readPhone } from './phone.js'
import { membersAfter } from './queries.js'
import { type Member, type MemberQuery } from './schemas.js'
import { toWire } from './to-wire.js'

const LIST = 'members'

/** `country`: where a number in the search is, if it does not say. @throws problem('CURSOR_INVALID') */
export async function listMembers (db: TenantDb, fields: FieldCrypto, query: MemberQuery, country?: Country): Promise<Page<Member>> {
  const { search = '', branchId, tag, optInState, limit, cursor } = query
  const phone = readPhone(search, country)
  const rows = await membersAfter(db, {
    words: search.toLowerCase().split(/\s+/).filter((word) => word !== ''),
    phoneHash: phone === undefined ? undefined : fields.blindIndex(phone),
    branchId,
    tag,
    optInState,
    after: decodeCursor(fields, LIST, cursor, 3),
    limit: limit + 1
  })
  return pageOfMembers(rows, fields, LIST, limit)
}

/** Those of whom `condition` on their row `m` is true. `list` names the list that the cursors belong to. @throws problem('CURSOR_INVALID') */
export async function listMembersWhere (db: TenantDb, fields: FieldCrypto, list: string, condition: RawBuilder<boolean>, { limit, cursor }: { limit: number, cursor?: string }): Promise<Page<Member>> {
  const rows = await membersAfter(db, { words: [], condition, after: decodeCursor(fields, list, cursor, 3), limit: limit + 1 })
  return pageOfMembers(rows, fields, list, limit)
}

function pageOfMembers (rows: Awaited<ReturnType<typeof membersAfter>>, fields: FieldCrypto, list: string, limit: number): Page<Member> {
  return toPage(rows, limit, (row) => toWire(row, fields), (last) => encodeCursor(fields, list, [last.sortLastName, last.sortFirstName, last.id]))
}
