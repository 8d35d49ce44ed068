// `koinonia tenants move`: an organization's database to another server, which it can be read from all the while.
import { type Command } from 'commander'
import { problem } from '../errors.js'
import { moveSaga } from '../tenancy/lifecycle/move-tenant.js'
import { type TenantId } from '../tenancy/tenant.js'
import { operationProgress } from './operation-progress.js'
import { asOperator, type Operator } from './operator.js'
import { audited, operatorName } from './operator-audit.js'
import { asTenantId } from './tenant-id.js'

interface Options { to: string, json?: true }

export function moveTenantCommand (tenants: Command): void {
  tenants.command('move <id>')
    .description('move an organization\'s database to another server; it can be read meanwhile, and not written to for some seconds')
    .requiredOption('--to <server>', 'name of the server in TENANT_SERVERS')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia tenants move h5q3m8d2k9x7w4v1 --to west')
    .action(async (id: string, options: Options) => {
      await asOperator(async (operator) => {
        const moved = await moveTenant(operator, asTenantId(id), options)
        console.log(options.json === true ? JSON.stringify(moved) : describe(moved))
      })
    })
}

/** With its progress shown, unless only JSON is wanted, and noted as an operator's act. Throws what `perform` does. */
export async function moveTenant (operator: Operator, id: TenantId, { to, json }: { to: string, json?: boolean }) {
  const { operations, provisioner } = operator
  const display = operationProgress('move', json === true)
  return await audited(operator, {
    action: 'tenants.move',
    subject: id,
    async run () {
      if (!provisioner.work.servers.names.includes(to)) throw problem('SERVER_UNSUITABLE', { detail: `TENANT_SERVERS names no server ${to}, only: ${provisioner.work.servers.names.join(', ')}` })
      await provisioner.recordServers()
      try {
        await operations.perform(moveSaga, id, { to }, { requestedBy: operatorName(), onProgress: display.show })
      } finally {
        display.end()
      }
      const { server, status } = await operations.tenant(id)
      // Texts and webhooks that met the move are tried again by themselves, only later.
      if (status === 'active') await (await import('./resume-tenant.js')).goOn(operator, id)
      return { id, server: server.name, writesRefusedMs: await refusedMs(operator, id) }
    }
  })
}

/** Null for one that nobody wrote to, being suspended. */
async function refusedMs ({ operations }: Operator, id: TenantId): Promise<number | null> {
  const [last] = await operations.list({ tenantId: id, unfinishedOnly: false, limit: 1 })
  const ms: unknown = last === undefined ? undefined : Reflect.get(Object(last.state) as object, 'refusedMs')
  return typeof ms === 'number' ? ms : null
}

function describe ({ id, server, writesRefusedMs }: Awaited<ReturnType<typeof moveTenant>>): string {
  return `${id} is on ${server}.${writesRefusedMs === null ? '' : ` Writes were refused for ${(writesRefusedMs / 1_000).toFixed(1)} s.`}`
}
