// The doctor's look at the registry's indexes: e-mails and numbers that lead to a tenant who is no more.
import { sql } from 'kysely'
import { type Operator } from './operator.js'
import { attempt, type Check, mendable, ok } from './check.js'

/** In these an organization is there, or comes back. */
const living = sql`('active', 'suspended', 'moving', 'archived', 'deleting')`

export async function checkIndexes ({ registry }: Operator): Promise<Check[]> {
  return await attempt('indexes', 'Run: koinonia migrate', async () => {
    const { rows: emails } = await sql<{ tenantId: string, count: number }>`
      SELECT tenant_id AS "tenantId", count(*)::integer AS count FROM admin_email_index i JOIN tenants t ON t.id = i.tenant_id
      WHERE t.status NOT IN ${living} GROUP BY 1 ORDER BY 1`.execute(registry)
    const { rows: numbers } = await sql<{ tenantId: string, number: string }>`
      SELECT tenant_id AS "tenantId", phone_number AS number FROM phone_number_registry n JOIN tenants t ON t.id = n.tenant_id
      WHERE t.status NOT IN ${living} ORDER BY 2`.execute(registry)
    if (emails.length + numbers.length === 0) return [ok('indexes', 'every e-mail and number leads to an organization')]
    return [
      ...emails.map(({ tenantId, count }): Check => mendable('e-mail index', `${count} lead to ${tenantId}, which is no organization`, {
        what: `remove ${count} e-mails of ${tenantId} from the index`, subject: tenantId, run: () => removeEmails(registry, tenantId)
      })),
      ...numbers.map(({ tenantId, number }): Check => mendable('number index', `${number} leads to ${tenantId}, which is no organization`, {
        what: `remove ${number} from the index (the carrier charges for it until it is released there)`, subject: tenantId, run: () => removeNumber(registry, tenantId, number)
      }))
    ]
  })
}

async function removeEmails (registry: Operator['registry'], tenantId: string): Promise<void> {
  await sql`DELETE FROM admin_email_index USING tenants t WHERE t.id = tenant_id AND tenant_id = ${tenantId} AND t.status NOT IN ${living}`.execute(registry)
}

async function removeNumber (registry: Operator['registry'], tenantId: string, number: string): Promise<void> {
  await sql`DELETE FROM phone_number_registry USING tenants t
    WHERE t.id = tenant_id AND tenant_id = ${tenantId} AND phone_number = ${number} AND t.status NOT IN ${living}`.execute(registry)
}
