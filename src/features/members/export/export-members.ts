// Streams the members as CSV, page by page: neither memory nor a database connection is held for however long the caller reads.
import { stringify } from 'csv-stringify'
import { pipeline, Readable } from 'node:stream'
import { fieldCrypto } from '../../../crypto/fields.js'
import { recordAudit, type RequestedBy } from '../../../http/audit.js'
import { type Services } from '../../../services.js'
import { type Tenant, type TenantDb, type TenantId } from '../../../tenancy/tenant.js'
import { countryOf } from '../../settings/phone-country.js'
import { listMembers } from '../list-members.js'
import { type Country } from '../phone.js'
import { type MemberQuery } from '../schemas.js'
import { exportHeader, exportRow } from './columns.js'
import { customKeysOfMembers } from './queries.js'

export type ExportFilter = Omit<MemberQuery, 'limit' | 'cursor'>
type Exporting = Pick<Services, 'tenancy' | 'keyring' | 'clock'>

const membersInPage = 1_000
/** A caller who reads more slowly than that gets the beginning alone, as a transfer that breaks off. In milliseconds. */
const patienceMs = 15 * 60_000
const byteOrderMark = '\uFEFF'

/** What is asked once for the whole of it. `country`: where a number in the search is, if it does not say. */
export interface Export { filter: ExportFilter, customKeys: readonly string[], country: Country | undefined }

/** Before anything leaves. The log says which filters there were, not for what. */
export async function beginExport (db: TenantDb, tenant: Tenant, filter: ExportFilter, by: RequestedBy): Promise<Export> {
  return await db.transaction().execute(async (trx) => {
    await recordAudit(trx, by, { action: 'members.exported', subjectKind: 'export', subjectId: by.requestId, after: { filters: Object.keys(filter) } })
    return { filter, customKeys: await customKeysOfMembers(trx), country: await countryOf(trx, tenant) }
  })
}

/** With a byte order mark, without which Excel takes UTF-8 for something else. */
export function streamMembers (services: Exporting, tenantId: TenantId, begun: Export): Readable {
  const writer = stringify({ record_delimiter: 'windows', quoted_match: /[\r\n]/ })
  // An error of either ends the other, and is met by whoever reads.
  pipeline(Readable.from(rows(services, tenantId, begun), { highWaterMark: 100 }), writer, () => undefined)
  return Readable.from(withMark(writer), { objectMode: false })
}

async function * withMark (writer: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield Buffer.from(byteOrderMark)
  yield * writer
}

async function * rows ({ tenancy, keyring, clock }: Exporting, tenantId: TenantId, { filter, customKeys, country }: Export): AsyncGenerator<string[]> {
  const fields = fieldCrypto(keyring, tenantId)
  const until = clock.now().getTime() + patienceMs
  yield exportHeader(customKeys)
  for (let cursor: string | null | undefined; cursor !== null;) {
    if (clock.now().getTime() > until) throw new Error('An export took too long.')
    const query: MemberQuery = { ...filter, limit: membersInPage, ...(cursor === undefined ? {} : { cursor }) }
    const page = await tenancy.withTenant(tenantId, (db) => listMembers(db, fields, query, country))
    for (const member of page.items) yield exportRow(member, customKeys)
    cursor = page.nextCursor
  }
}
