// `koinonia tenants backup` and `backups`: organizations backed up while in use, what there is of backups, and proof that one can be restored.
import { SingleBar } from 'cli-progress'
import { type Command, InvalidArgumentError } from 'commander'
import { ConfigError } from '../config.js'
import { findFile } from '../tenancy/lifecycle/request-archive.js'
import { backUp, type BackupOutcome, type BackupProgress, tenantsToBackUp, verifyBackup } from '../tenancy/lifecycle/request-backup.js'
import { archiveServices } from './archive-tenant.js'
import { asOperator, type Operator } from './operator.js'
import { audited, operatorName } from './operator-audit.js'
import { operationProgress } from './operation-progress.js'
import { table } from './table.js'
import { asTenantId } from './tenant-id.js'

interface BackupOptions { all?: true, concurrency: number, keep?: number, maxAge?: number, json?: true }
interface Output { json?: true }

const mostShown = 500

export function backupCommands (tenants: Command): void {
  tenants.command('backup [ids...]')
    .description('write organizations in use into encrypted files, into the bucket or BACKUP_DIR')
    .option('--all', 'every organization that is active or suspended')
    .option('--concurrency <n>', 'how many at a time', whole(1, 16), 2)
    .option('--keep <n>', 'remove all but this many of each one\'s backups', whole(1, 10_000))
    .option('--max-age <hours>', 'with --all: only those without a backup as young as that, such as after a run that was cut off', whole(1, 87_600))
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia tenants backup --all --concurrency 4 --keep 14')
    .action(async (ids: string[], options: BackupOptions) => {
      process.exitCode = await asOperator((operator) => backup(operator, ids, options))
    })
  const backups = tenants.command('backups').description('what there is of backups and archives')
  backups.command('list [id]')
    .description('the latest 500, of one organization or of all')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia tenants backups list h5q3m8d2k9x7w4v1')
    .action(async (id: string | undefined, options: Output) => {
      await asOperator(async (operator) => { await list(operator, id, options) })
    })
  backups.command('verify <backup>')
    .description('restore one into a database of its own, compare every table, and drop it again; exit code 1 when it can\'t be restored')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia tenants backups verify 01999c1e-6f1c-7bd4-9a39-0f5f0e6f7a10')
    .action(async (id: string, options: Output) => {
      process.exitCode = await asOperator((operator) => verify(operator, id, options))
    })
}

async function backup (operator: Operator, given: string[], { all, concurrency, keep, maxAge, json }: BackupOptions): Promise<number> {
  if ((all === true) === (given.length > 0)) throw new ConfigError('Name organizations, or say --all: koinonia tenants backup --all')
  const ids = all === true ? await tenantsToBackUp(operator.registry, maxAge) : given.map(asTenantId)
  const display = json === true ? { show: () => undefined, end: () => undefined } : progress()
  const [only] = ids
  const outcome = await audited(operator, {
    action: 'tenants.backup',
    ...(only !== undefined && ids.length === 1 ? { subject: only } : {}),
    run: () => backUp(archiveServices(operator), ids, { keep, concurrency, requestedBy: operatorName() }, display.show).finally(display.end),
    note: ({ failed }) => failed.length === 0 ? {} : { failure: `${failed.length} of ${ids.length} failed` }
  })
  console.log(json === true ? JSON.stringify(outcome) : describe(outcome))
  return outcome.failed.length === 0 ? 0 : 1
}

function describe ({ made, failed }: BackupOutcome): string {
  return [`${made} backed up, ${failed.length} failed`, ...failed.map(({ tenantId, error }) => `  ${tenantId}: ${error}`)].join('\n')
}

async function list ({ registry }: Operator, id: string | undefined, { json }: Output): Promise<void> {
  const rows = await registry.selectFrom('tenant_backups')
    .select(['id', 'tenant_id as tenant', 'kind', 'created_at as created', 'size_bytes as bytes', 'schema_version as schema', 'verified_at as verified', 'verify_error as error', 'storage_key as key'])
    .$if(id !== undefined, (query) => query.where('tenant_id', '=', asTenantId(id ?? '')))
    .orderBy('created_at', 'desc').limit(mostShown).execute()
  if (json === true) console.log(JSON.stringify(rows.map((row) => ({ ...row, bytes: Number(row.bytes) })), null, 2))
  else if (rows.length === 0) console.log('There are no backups.')
  else console.log(table(rows, ['id', 'tenant', 'kind', 'created', 'bytes', 'schema', 'verified', 'error']))
}

async function verify (operator: Operator, id: string, { json }: Output): Promise<number> {
  const file = await findFile(operator.registry, id)
  const shown = operationProgress('verify', json === true)
  const failure = await audited(operator, {
    action: 'tenants.verify',
    subject: file.tenantId,
    run: () => verifyBackup(archiveServices(operator), file, { requestedBy: operatorName(), onProgress: shown.show }).finally(shown.end),
    note: (found) => found === undefined ? {} : { failure: 'ARCHIVE_UNREADABLE' }
  })
  if (json === true) console.log(JSON.stringify({ id, tenant: file.tenantId, verified: failure === undefined, ...(failure === undefined ? {} : { error: failure }) }))
  else console.log(failure === undefined ? `${id} can be restored: every table is equal.` : `${id} can't be restored: ${failure}`)
  return failure === undefined ? 0 : 1
}

/** A bar on a terminal; else a line at most every five seconds, and one at the end. */
function progress (): { show: (progress: BackupProgress) => void, end: () => void } {
  if (process.stderr.isTTY) {
    const bar = new SingleBar({ format: 'Backups [{bar}] {value}/{total}  {failed} failed  {eta_formatted} left', barCompleteChar: '=', barIncompleteChar: ' ', hideCursor: true, stream: process.stderr })
    let started = false
    return {
      show ({ total, done, failed }) {
        if (started) bar.update(done, { failed })
        else bar.start(total, done, { failed })
        started = true
      },
      end () { if (started) bar.stop() }
    }
  }
  let lastAt = Date.now()
  return {
    show ({ total, done, failed }) {
      if (done < total && Date.now() - lastAt < 5_000) return
      lastAt = Date.now()
      console.error(`Backups: ${done} of ${total}, ${failed} failed`)
    },
    end: () => undefined
  }
}

function whole (least: number, most: number): (value: string) => number {
  return (value) => {
    const number = Number(value)
    if (!Number.isInteger(number) || number < least || number > most) throw new InvalidArgumentError(`Use a whole number from ${least} to ${most}.`)
    return number
  }
}
