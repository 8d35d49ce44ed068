// `koinonia tenants operations`: what is under way with whole tenants, what became of it, and another try for what has failed.
import { type Command } from 'commander'
import { problem } from '../errors.js'
import { asOperator, type Operator } from './operator.js'
import { audited } from './operator-audit.js'
import { operationProgress } from './operation-progress.js'
import { table } from './table.js'

interface Options { all?: true, retry?: string, json?: true }

const mostShown = 200

export function operationsCommand (tenants: Command): void {
  tenants.command('operations [id]')
    .description('archives, moves, deletions and the like that have not ended, of one tenant or of all')
    .option('--all', 'those that have ended too, the latest 200')
    .option('--retry <operation>', 'go on with one that has failed, from where it was')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia tenants operations --all')
    .action(async (id: string | undefined, options: Options) => {
      await asOperator(async (operator) => {
        if (options.retry !== undefined) await retry(operator, options.retry, options.json === true)
        else await show(operator, id, options)
      })
    })
}

async function show ({ operations }: Operator, tenantId: string | undefined, { all, json }: Options): Promise<void> {
  const rows = await operations.list({ ...(tenantId === undefined ? {} : { tenantId }), unfinishedOnly: all !== true, limit: mostShown })
  const shown = rows.map((row) => ({
    id: row.id,
    tenant: row.tenant_id,
    kind: row.kind,
    status: row.status,
    step: row.step,
    progress: Number(row.progress_total) === 0 ? null : `${row.progress_done} of ${row.progress_total}`,
    notBefore: row.run_after,
    requestedBy: row.requested_by,
    created: row.created_at,
    finished: row.finished_at,
    error: row.error
  }))
  if (json === true) console.log(JSON.stringify(shown, null, 2))
  else if (shown.length === 0) console.log(all === true ? 'There has been no operation.' : 'No operation is under way.')
  else console.log(table(shown, ['id', 'tenant', 'kind', 'status', 'step', 'progress', 'notBefore', 'requestedBy', 'finished', 'error']))
}

async function retry (operator: Operator, operationId: string, json: boolean): Promise<void> {
  const row = (await operator.operations.list({ unfinishedOnly: true, limit: mostShown })).find(({ id }) => id === operationId)
  if (row === undefined) throw problem('TENANT_OPERATION_UNFINISHED', { detail: `No operation ${operationId} waits for anything. See: koinonia tenants operations` })
  const progress = operationProgress(row.kind, json)
  await audited(operator, {
    action: 'tenants.retry',
    subject: row.tenant_id,
    run: () => operator.operations.retry(row.id, progress.show).finally(progress.end)
  })
  console.log(json ? JSON.stringify({ id: row.id, status: 'done' }) : `The ${row.kind} of ${row.tenant_id} is done.`)
}
