// `koinonia servers`: the database servers that tenants live on, put into service, emptied and taken out.
import { type Command } from 'commander'
import { tenantServers } from '../config.js'
import { problem } from '../errors.js'
import { discardUnwanted } from '../tenancy/discard-spares.js'
import { listServers, openServer, removeServer, setServerState } from '../tenancy/server-states.js'
import { recordServers } from '../tenancy/servers.js'
import { asOperator, type Operator } from './operator.js'
import { audited } from './operator-audit.js'
import { rebalanceCommand } from './rebalance.js'
import { judgeServer, readServerFacts } from './server-facts.js'
import { table } from './table.js'
import { wholeNumber } from './whole-number.js'

interface Output { json?: true }

export function serversCommand (servers: Command): void {
  servers.command('list')
    .description('every server with its state, how many tenants and spares it has, and how many it may have')
    .option('--json', 'print JSON')
    .action(async (options: Output) => { await asOperator(async (operator) => { print(await list(operator), options) }) })
  servers.command('add <name>')
    .description('check a server that TENANT_SERVERS names, and put it into service, again after remove')
    .option('--max-tenants <tenants>', 'how many may live there; 5000 unless given or set before', (value) => wholeNumber(value, 1))
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: TENANT_SERVERS=east=postgres://…,west=postgres://… koinonia servers add west --max-tenants 2000')
    .action(async (name: string, options: Output & { maxTenants?: number }) => {
      await change(name, 'add', options, (operator) => add(operator, name, options.maxTenants), () => `${name} takes tenants.`)
    })
  servers.command('drain <name>')
    .description('give a server no new tenants and no spares, and drop the spares it has; those who live there stay, and are served')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia servers drain west')
    .action(async (name: string, options: Output) => {
      await change(name, 'drain', options, (operator) => drain(operator, name), ({ sparesDropped, sparesLeft }) =>
        `${name} takes nobody any more; ${sparesDropped === 1 ? 'its spare was' : `${sparesDropped} spares were`} dropped${sparesLeft > 0 ? `, ${sparesLeft} could not be and are left to koinonia doctor` : ''}.`)
    })
  servers.command('open <name>')
    .description('let a drained server take tenants again')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia servers open west')
    .action(async (name: string, options: Output) => {
      await change(name, 'open', options, async ({ registry }) => { await setServerState(registry, name, 'open'); return {} }, () => `${name} takes tenants.`)
    })
  servers.command('remove <name>')
    .description('take an empty server out of service; refused while tenants live there')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia servers drain west && koinonia servers rebalance && koinonia servers remove west')
    .action(async (name: string, options: Output) => {
      await change(name, 'remove', options, async ({ registry }) => { await removeServer(registry, name); return {} }, () => `${name} is out of service. Take it out of TENANT_SERVERS of every process now.`)
    })
  rebalanceCommand(servers)
}

/** Runs it, notes it, and prints how the server stands then. */
async function change<Result extends object> (
  name: string, verb: 'add' | 'drain' | 'open' | 'remove', { json }: Output, run: (operator: Operator) => Promise<Result>, say: (result: Result) => string
): Promise<void> {
  await asOperator(async (operator) => {
    const result = await audited(operator, { action: `servers.${verb}`, subject: name, run: () => run(operator) })
    const server = (await list(operator)).find((row) => row.name === name)
    console.log(json === true ? JSON.stringify({ ...server, ...result }) : say(result))
  })
}

async function list ({ registry, provisioner: { work } }: Operator) {
  return (await listServers(registry)).map(({ host, port, ...row }) => ({ ...row, address: `${host}:${port}`, configured: work.servers.names.includes(row.name) }))
}

function print (rows: Awaited<ReturnType<typeof list>>, { json }: Output): void {
  if (json === true) console.log(JSON.stringify(rows, null, 2))
  else if (rows.length === 0) console.log('There are no servers yet. Start the service once: koinonia serve')
  else console.log(table(rows, ['name', 'state', 'tenants', 'spares', 'maxTenants', 'address', 'configured']))
}

async function add (operator: Operator, name: string, maxTenants: number | undefined) {
  const { config, registry, registryUrl, provisioner, log } = operator
  const setting = tenantServers(config, registryUrl).find((server) => server.name === name)
  if (setting === undefined) throw problem('SERVER_UNSUITABLE', { detail: `TENANT_SERVERS names no server ${name}, only: ${provisioner.work.servers.names.join(', ')}` })
  const facts = await readServerFacts(setting, config, log)
  const faults = judgeServer(name, facts, config).filter(({ state }) => state === 'failed')
  if (faults.length > 0) {
    throw problem('SERVER_UNSUITABLE', { detail: faults.map(({ name: what, detail, next }) => `${what}: ${detail}. ${next ?? ''}`).join('\n') })
  }
  const { work: { servers } } = provisioner
  await recordServers(registry, { names: [name], address: (server) => servers.address(server) }, config.TENANT_SERVERS === undefined ? 'REGISTRY_DATABASE_URL' : 'TENANT_SERVERS')
  await openServer(registry, name, maxTenants)
  return { version: facts.version, usableConnections: facts.usable }
}

async function drain ({ registry, provisioner }: Operator, name: string) {
  await setServerState(registry, name, 'draining')
  const { discarded, failed } = await discardUnwanted(provisioner.work)
  return { sparesDropped: discarded, sparesLeft: failed }
}
