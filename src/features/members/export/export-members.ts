// Streams the members as CSV, page by page: neither memory nor a database connection is held for however long the caller reads.
import { stringify } from 'csv-stringify'
import { pipeline, Readable } from 'node:stream'
import { fieldCrypto } from '../../../crypto/fields.js'
import { recordAudit, type RequestedBy } from '../../../http/audit.js'
import { type Services } from '../../../services.js'
import { type TenantDb, type TenantId } from '../../../tenancy/tenant.js'
import { listMembers } from '../list-members.js'
import { type MemberQuery } from '../schemas.js'
import { exportHeader, exportRow } from './columns.js'
import { customKeysOfMembers } from './queries.js'

export type ExportFilter = Omit<MemberQuery, 'limit' | 'cursor'>

const membersInPage = 1_000
/** A caller who reads more slowly than that gets the beginning alone, as a transfer that breaks off. In milliseconds. */
const patienceMs = 15 * 60_000
const byteOrderMark = '\uFEFF'

/** Before anything leaves. The log says which filters there were, not for what. */
export async function beginExport (db: TenantDb, filter: ExportFilter, by: RequestedBy): Promise<string[]> {
  return await db.transaction().execute(async (trx) => {
    await recordAudit(trx, by, { action: 'members.exported', subjectKind: 'export', subjectId: by.requestId, after: { filters: Object.keys(filter) } })
    return await customKeysOfMembers(trx)
  })
}

/** With a byte order mark, without which Excel takes UTF-8 for something else. */
export function streamMembers (services: Pick<Services, 'tenancy' | 'keyring'>, tenantId: TenantId, filter: ExportFilter, customKeys: readonly string[]): Readable {
  const writer = stringify({ record_delimiter: 'windows', quoted_match: /[\r\n]/ })
  // An error of either ends the other, and is met by whoever reads.
  pipeline(Readable.from(rows(services, tenantId, filter, customKeys), { highWaterMark: 100 }), writer, () => undefined)
  return Readable.from(withMark(writer), { objectMode: false })
}

async function * withMark (writer: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield Buffer.from(byteOrderMark)
  yield * writer
}

async function * rows ({ tenancy, keyring }: Pick<Services, 'tenancy' | 'keyring'>, tenantId: TenantId, filter: ExportFilter, customKeys: readonly string[]): AsyncGenerator<string[]> {
  const fields = fieldCrypto(keyring, tenantId)
  const until = Date.now() + patienceMs
  yield exportHeader(customKeys)
  for (let cursor: string | null | undefined; cursor !== null;) {
    if (Date.now() > until) throw new Error('An export took too long.')
    const query: MemberQuery = { ...filter, limit: membersInPage, ...(cursor === undefined ? {} : { cursor }) }
    const page = await tenancy.withTenant(tenantId, (db) => listMembers(db, fields, query))
    for (const member of page.items) yield exportRow(member, customKeys)
    cursor = page.nextCursor
  }
}
