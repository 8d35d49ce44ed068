// `koinonia servers rebalance`: says which tenants are to move where, then moves them one after another.
import { type Command } from 'commander'
import { tenantServers } from '../config.js'
import { mapBounded } from '../tenancy/map-bounded.js'
import { occupancies } from '../tenancy/server-states.js'
import { planMoves, type Move } from '../tenancy/plan-moves.js'
import { type TenantId } from '../tenancy/tenant.js'
import { attempt, messageOf } from './check.js'
import { moveTenant } from './move-tenant.js'
import { asOperator, type Operator } from './operator.js'
import { judgeServer, readServerFacts } from './server-facts.js'
import { table } from './table.js'
import { wholeNumber } from './whole-number.js'

interface Options { most?: number, dryRun?: true, json?: true }

interface Moved extends Move { done: boolean, error?: string }

/** After so many failures in a row the cause is no single tenant's. */
const FAILURES_TO_STOP = 3
/** Servers looked at side by side. */
const AT_ONCE = 8

export function rebalanceCommand (servers: Command): void {
  servers.command('rebalance')
    .description('move tenants, one after another, until drained servers are empty and the open ones equally full')
    .option('--most <moves>', 'move so many at most', (value) => wholeNumber(value, 1))
    .option('--dry-run', 'say what would be moved, and move nothing')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nEach move is one of `koinonia tenants move`: reads are served, writes refused for seconds. Run it again after a crash.\nExample: koinonia servers rebalance --dry-run')
    .action(async (options: Options) => {
      await asOperator((operator) => rebalance(operator, options))
    })
}

async function rebalance (operator: Operator, { most, dryRun, json }: Options): Promise<void> {
  const { registry, provisioner } = operator
  await provisioner.recordServers()
  const plan = planMoves(await occupancies(registry, await usableServers(operator)), most)
  if (json !== true) console.log(plan.length === 0 ? 'There is nothing to move.' : table(plan, ['tenant', 'from', 'to']))
  if (dryRun === true) {
    if (json === true) console.log(JSON.stringify({ plan, moved: [] }, null, 2))
    return
  }
  const moved = await moveAll(operator, plan, json === true)
  const failed = moved.filter(({ done }) => !done).length
  if (json === true) console.log(JSON.stringify({ plan, moved }, null, 2))
  else if (plan.length > 0) console.log(`${moved.length - failed} of ${plan.length} moved${failed === 0 ? '' : `, ${failed} failed: koinonia tenants operations`}.`)
  if (failed > 0) process.exitCode = 1
}

/** Nobody is moved to or from a server that does not answer, or that could not take a tenant. */
async function usableServers ({ config, registryUrl, log }: Operator): Promise<string[]> {
  const looked = await mapBounded(tenantServers(config, registryUrl), AT_ONCE, async (server) => {
    const faults = await attempt(`server ${server.name}`, '', async () => judgeServer(server.name, await readServerFacts(server, config, log), config))
    const fault = faults.find(({ state }) => state === 'failed')
    if (fault !== undefined) console.error(`${fault.name} is left out: ${fault.detail}`)
    return fault === undefined ? [server.name] : []
  })
  return looked.flat()
}

async function moveAll (operator: Operator, plan: readonly Move[], quiet: boolean): Promise<Moved[]> {
  const moved: Moved[] = []
  for (const move of plan) {
    try {
      await moveTenant(operator, move.tenant as TenantId, { to: move.to, json: quiet })
      moved.push({ ...move, done: true })
    } catch (error) {
      operator.log.warn({ err: error, tenantId: move.tenant }, 'a tenant could not be moved')
      moved.push({ ...move, done: false, error: messageOf(error) })
      if (!quiet) console.error(`${move.tenant}: ${messageOf(error)}`)
    }
    if (moved.length >= FAILURES_TO_STOP && moved.slice(-FAILURES_TO_STOP).every(({ done }) => !done)) break
  }
  return moved
}
