// `koinonia migrate`: the registry, then every tenant; several may run at once, and one that was killed is gone on with.
import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { type MigrationResult } from '../registry/apply-migrations.js'
import { migrateRegistry, planRegistry } from '../registry/migrate.js'
import { type FleetOrder, FleetRefused, type FleetResult } from '../tenancy/provisioner.js'
import { isTenantId, type TenantId } from '../tenancy/tenant.js'
import { describePlan, describeResult } from './describe-migration.js'
import { fleetDisplay } from './fleet-display.js'
import { asOperator, type Operator } from './operator.js'
import { audited } from './operator-audit.js'
import { wholeNumber } from './whole-number.js'

type Part = 'registry' | 'tenants'

interface Options extends Omit<FleetOrder, 'resume' | 'down'> { dryRun?: true, json?: true, resume?: true, down?: true }

export function migrateCommand (command: Command): void {
  command
    .addArgument(new Argument('[part]', 'only this one').choices(['registry', 'tenants']))
    .option('--only <id...>', 'these tenants, and no spares', collectIds)
    .option('--to <version>', 'to this version instead of the newest', whole(0))
    .option('--down', 'take back what is beyond --to; what those files drop is lost')
    .option('--canary <tenants>', 'so many tenants first; when one of them fails, nobody else is touched', whole(0))
    .option('--concurrency <databases>', 'at a time on each server; twice the cores unless given, and never more than the connections allow', whole(1))
    .addOption(new Option('--on-error <what>', 'what to do with the rest when a tenant fails').choices(['stop', 'continue']).default('continue'))
    .option('--dry-run', 'show what would be done, and do nothing')
    .option('--resume', 'go on with the last run that did not end well, on its own terms')
    .option('--json', 'print the outcome as JSON')
    .addHelpText('after', '\nExample: koinonia migrate tenants --canary 5 --on-error stop')
    .action(async (part: Part | undefined, options: Options) => {
      refuseMixture(command, part, options)
      process.exitCode = await asOperator((operator) => options.dryRun === true ? plan(operator, part, options) : migrate(operator, part, options))
    })
}

/** Numbers of versions mean one kind of database, and most options the tenants alone. */
function refuseMixture (command: Command, part: Part | undefined, { to, down, only, canary, concurrency, resume }: Options): void {
  if (part === undefined && to !== undefined) command.error('--to needs to know of what: koinonia migrate tenants --to … or koinonia migrate registry --to …')
  if (down === true && to === undefined) command.error('--down needs --to: the version to go back to')
  if (part === 'registry' && [only, canary, concurrency, resume].some((given) => given !== undefined)) command.error('--only, --canary, --concurrency and --resume are about tenants')
}

async function plan (operator: Operator, part: Part | undefined, { json, ...order }: Options): Promise<number> {
  const registry = part === 'tenants' ? undefined : await planRegistry(operator.registryUrl, operator.log)
  // Tenants can be looked up only in a registry that is up to date.
  const tenants = part === 'registry' || (registry?.files.length ?? 0) > 0 ? undefined : await operator.provisioner.planMigration(order)
  console.log(json === true ? JSON.stringify({ registry, tenants }, null, 2) : describePlan(registry, tenants))
  return (tenants?.unsafe.length ?? 0) > 0 ? 1 : 0
}

interface Outcome { registry?: MigrationResult, tenants?: FleetResult }

/** The exit code: 1 when a tenant is left behind. */
async function migrate (operator: Operator, part: Part | undefined, options: Options): Promise<number> {
  const json = options.json === true
  const say = (line: string): void => { if (!json) console.log(line) }
  const { registry, tenants } = await audited(operator, {
    action: 'migrate',
    run: () => migrateParts(operator, part, options, say),
    note: ({ registry, tenants }) => ({
      ...(tenants === undefined || tenants.failed.length === 0 ? {} : { failure: `${tenants.failed.length} tenants failed` }),
      nothing: (registry?.applied.length ?? 0) === 0 && (tenants === undefined || tenants.outcome === 'nothing to do')
    })
  })
  if (tenants !== undefined) operator.log.info({ migrated: tenants.migrated, failed: tenants.failed.length, outcome: tenants.outcome }, 'tenants migrated by an operator')
  if (json) console.log(JSON.stringify({ registry, tenants }, null, 2))
  else if (tenants !== undefined) console.log(describeResult(tenants))
  return tenants === undefined || tenants.outcome === 'done' || tenants.outcome === 'nothing to do' ? 0 : 1
}

async function migrateParts (operator: Operator, part: Part | undefined, options: Options, say: (line: string) => void): Promise<Outcome> {
  const { dryRun, json, ...order } = options
  const registry = part === 'tenants' ? undefined : await registryPart(operator, part === 'registry' ? options : {}, say)
  if (registry !== undefined) say(`Registry: version ${registry.version}, ${registry.applied.length} ${options.down === true ? 'taken back' : 'applied'}`)
  if (part === 'registry') return { ...(registry === undefined ? {} : { registry }) }
  const display = fleetDisplay(json === true, say)
  const tenants = await operator.provisioner.migrateTenants(order, display.show).finally(display.end)
  return { ...(registry === undefined ? {} : { registry }), tenants }
}

async function registryPart ({ registryUrl, log }: Operator, { to, down }: Options, say: (line: string) => void): Promise<MigrationResult> {
  if (to !== undefined && down !== true) {
    const { version } = await planRegistry(registryUrl, log)
    if (to < version) throw new FleetRefused(`The registry is at version ${version}. To take it back to ${to}, with whatever the files taken back drop, say --down as well.`)
  }
  return await migrateRegistry(registryUrl, log, (step) => { say(`· ${step}`) }, to)
}

const whole = (least: number) => (value: string): number => wholeNumber(value, least)

function collectIds (value: string, earlier: TenantId[] = []): TenantId[] {
  if (!isTenantId(value)) throw new InvalidArgumentError(`No tenant has the id ${value}. List them with: koinonia tenants list`)
  return [...earlier, value]
}
