// The doctor's look at operations on whole tenants: those that have failed, and those that nobody takes up.
import { sql } from 'kysely'
import { attempt, type Check, failed, mendable, ok } from './check.js'
import { type Operator } from './operator.js'

/** A worker looks every minute. */
const OVERDUE_MINUTES = 5

export async function checkOperations ({ registry, operations }: Pick<Operator, 'registry' | 'operations'>): Promise<Check[]> {
  return await attempt('operations', 'Run: koinonia migrate', async () => {
    const { rows } = await sql<{ id: string, kind: string, tenantId: string, error: string | null, status: string, overdue: boolean }>`
      SELECT id, kind, tenant_id AS "tenantId", error, status,
             status = 'running' AND greatest(run_after, lease_expires_at) < now() - make_interval(mins => ${OVERDUE_MINUTES}) AS overdue
      FROM tenant_operations WHERE status IN ('running', 'failed') ORDER BY id`.execute(registry)
    const broken = rows.filter(({ status }) => status === 'failed')
    const overdue = rows.filter((row) => row.overdue)
    return [
      ok('operations', `${rows.length - broken.length} on tenants waiting or running`),
      ...broken.map(({ id, kind, tenantId, error }) => failed('failed operation', `${kind} of ${tenantId}: ${error ?? ''}`, `Mend the cause, then run: koinonia tenants operations --retry ${id}`)),
      ...overdue.map(({ id, kind, tenantId }) => describeOverdue(kind, tenantId, () => operations.retry(id)))
    ]
  })
}

/** A deletion is left to a worker: what it takes does not come back. */
function describeOverdue (kind: string, tenantId: string, run: () => Promise<void>): Check {
  const [name, detail] = ['overdue operation', `${kind} of ${tenantId}, due for over ${OVERDUE_MINUTES} minutes: no worker runs, or none takes it`]
  if (kind === 'delete') return failed(name, detail, 'Start a worker: koinonia worker')
  return mendable(name, detail, { what: `go on with the ${kind} of ${tenantId}`, subject: tenantId, run })
}
