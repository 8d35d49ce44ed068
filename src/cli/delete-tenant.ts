// `koinonia tenants delete` and `undelete`: refused at once, removed after a grace, and until then taken back.
import { type Command, InvalidArgumentError } from 'commander'
import { createInterface } from 'node:readline/promises'
import { ConfigError } from '../config.js'
import { runOperationsJob } from '../features/lifecycle/jobs.js'
import { requestDeletion, takeBackDeletion } from '../tenancy/lifecycle/request-deletion.js'
import { type TenantId } from '../tenancy/tenant.js'
import { asOperator, type Operator } from './operator.js'
import { audited, operatorName } from './operator-audit.js'
import { asTenantId } from './tenant-id.js'

interface Options { graceDays: number, now?: true, confirm?: string, json?: true }

const DAY_MS = 86_400_000

export function deleteTenantCommands (tenants: Command): void {
  tenants.command('delete <id>')
    .description('refuse every request of an organization from now on, and remove it with its database and files when the grace is over')
    .option('--grace-days <days>', 'how long it can be taken back with undelete', parseDays, 30)
    .option('--now', 'without a grace: it can\'t be taken back')
    .option('--confirm <id>', 'the id once more, for --now where nobody can be asked')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia tenants delete h5q3m8d2k9x7w4v1 --grace-days 14')
    .action(async (id: string, options: Options) => {
      await asOperator(async (operator) => {
        const deletion = await remove(operator, asTenantId(id), options)
        console.log(options.json === true ? JSON.stringify(deletion) : describe(deletion))
      })
    })
  tenants.command('undelete <id>')
    .description('take a deletion back whose grace is not over: the organization is what it was before')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia tenants undelete h5q3m8d2k9x7w4v1')
    .action(async (id: string, options: { json?: true }) => {
      await asOperator(async (operator) => {
        const status = await restore(operator, id)
        console.log(options.json === true ? JSON.stringify({ id, status }) : `${id} is ${status}.`)
      })
    })
}

async function remove (operator: Operator, id: TenantId, options: Options) {
  const now = options.now === true
  if (now) await confirm(id, options.confirm)
  const at = new Date(operator.clock.now().getTime() + (now ? 0 : options.graceDays * DAY_MS))
  return await audited(operator, {
    action: 'tenants.delete',
    subject: id,
    async run () {
      const numbers = await operator.registry.selectFrom('phone_number_registry').select('phone_number').where('tenant_id', '=', id).where('status', '!=', 'released').execute()
      const { operationId, effectiveAt } = await requestDeletion(operator.operations, id, { at, now, requestedBy: operatorName() })
      // The minute's sweep would find it too, only later.
      if (now) await operator.jobs.enqueue(runOperationsJob, {}, { key: runOperationsJob.name })
      return { id, status: 'deleting' as const, operationId, effectiveAt, now, numbers: numbers.map((row) => row.phone_number) }
    }
  })
}

async function restore (operator: Operator, given: string) {
  const id = asTenantId(given)
  const status = await audited(operator, {
    action: 'tenants.undelete',
    subject: id,
    async run () {
      await operator.operations.tenant(id)
      await takeBackDeletion(operator.operations, id)
      return (await operator.operations.tenant(id)).status
    }
  })
  if (status === 'active') await (await import('./resume-tenant.js')).goOn(operator, id)
  return status
}

/** What can't be taken back wants the id twice. */
async function confirm (id: string, given: string | undefined): Promise<void> {
  const typed = given ?? (process.stdin.isTTY ? await ask(`This removes ${id} for good. Type the id to go on: `) : undefined)
  if (typed === undefined) throw new ConfigError(`--now can't be taken back. Say it twice: koinonia tenants delete ${id} --now --confirm ${id}`)
  if (typed.trim() !== id) throw new ConfigError(`"${typed.trim()}" is not ${id}. Nothing was changed.`)
}

async function ask (question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}

function describe ({ id, effectiveAt, now, numbers }: Awaited<ReturnType<typeof remove>>): string {
  const when = now
    ? `${id} is refused from now on. A worker removes it; see: koinonia tenants operations`
    : `${id} is refused from now on and removed after ${effectiveAt.toISOString()}. Until then: koinonia tenants undelete ${id}`
  return numbers.length === 0 ? when : `${when}\nThe carrier goes on charging for its numbers until they are released there: ${numbers.join(', ')}`
}

function parseDays (value: string): number {
  const days = Number(value)
  if (!Number.isInteger(days) || days < 1 || days > 365) throw new InvalidArgumentError('Use a whole number of days from 1 to 365; --now is without a grace.')
  return days
}
