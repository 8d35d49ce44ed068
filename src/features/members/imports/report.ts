// What became of each row, as CSV: row numbers, outcomes and codes, and nothing of the people in the file.
import { Readable } from 'node:stream'
import { type Services } from '../../../services.js'
import { type TenantId } from '../../../tenancy/tenant.js'
import { outcomesAfter } from './queries.js'

const rowsInPage = 5_000

/** In the order of the file, so far. Holds no database connection while the caller reads. */
export function streamReport ({ tenancy }: Pick<Services, 'tenancy'>, tenantId: TenantId, importId: string): Readable {
  return Readable.from(pages(tenancy, tenantId, importId), { objectMode: false })
}

async function * pages (tenancy: Services['tenancy'], tenantId: TenantId, importId: string): AsyncGenerator<string> {
  yield 'row,outcome,reason,memberId\r\n'
  for (let after: number | undefined = 0; after !== undefined;) {
    const from: number = after
    const rows = await tenancy.withTenant(tenantId, (db) => outcomesAfter(db, importId, from, rowsInPage))
    // Codes and ids: nothing in them needs quotes.
    yield rows.map(({ row, outcome, reason, memberId }) => `${row},${outcome},${reason ?? ''},${memberId ?? ''}\r\n`).join('')
    after = rows.length < rowsInPage ? undefined : rows.at(-1)?.row
  }
}
