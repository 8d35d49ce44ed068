// `koinonia doctor`: says how everything stands and what to do about what is not well; with --fix it does what loses nothing.
import { type Command } from 'commander'
import { systemClock } from '../clock.js'
import { checkBackups } from './check-backups.js'
import { checkIndexes } from './check-indexes.js'
import { checkLeftovers } from './check-leftovers.js'
import { checkPoolers } from './check-poolers.js'
import { checkRegistry } from './check-registry.js'
import { checkServers } from './check-servers.js'
import { checkSpares } from './check-spares.js'
import { checkRegistryTables } from './check-tables.js'
import { checkTenants, type TenantsLook } from './check-tenants.js'
import { type Check } from './check.js'
import { databasesBar } from './databases-bar.js'
import { examineDrift } from './doctor-drift.js'
import { type Fixed, mend } from './mend.js'
import { asOperator, type Operator } from './operator.js'
import { table } from './table.js'
import { wholeNumber } from './whole-number.js'

interface Options { fix?: true, tenants?: true, drift?: true, concurrency?: number, json?: true }

export function doctorCommand (command: Command): void {
  command
    .option('--fix', 'do what is safe about what was found: each thing is named, then done')
    .option('--tenants', 'look into every tenant\'s database as well, a few at a time: its tables, its admins and its numbers')
    .option('--json', 'print JSON')
    .option('--drift', 'instead compare every tenant\'s schema with that of its version, and print the difference as DDL; changes nothing')
    .option('--concurrency <databases>', 'compared at a time on each server; twice the cores unless given', (value) => wholeNumber(value, 1))
    .addHelpText('after', '\nWithout --fix it changes nothing. The exit code is 1 when a check or a repair has failed; a warning leaves it 0.\nExample: koinonia doctor --fix')
    .action(async (options: Options) => {
      if (options.drift === true) {
        process.exitCode = await examineDrift(options)
        return
      }
      const { checks, fixes } = await asOperator((operator) => treat(operator, options))
      const healthy = checks.every(({ state }) => state !== 'failed') && fixes.every(({ done }) => done)
      console.log(options.json === true ? JSON.stringify({ healthy, checks: checks.map(forPrograms), fixes }, null, 2) : describe(checks))
      process.exitCode = healthy ? 0 : 1
    })
}

/** The checks as they stand at the end, and what was done on the way there. */
async function treat (operator: Operator, options: Options): Promise<{ checks: Check[], fixes: Fixed[] }> {
  const look = async (): Promise<Check[]> => {
    const { onProgress, stop } = databasesBar('Looking into databases', options.json === true)
    return await examine(operator, { tenants: options.tenants === true && { onProgress } }).finally(stop)
  }
  const checks = await look()
  const fixes = options.fix === true ? checks.flatMap(({ fix }) => fix ?? []) : []
  if (fixes.length === 0) return { checks, fixes: [] }
  const fixed = await mend(operator, fixes, (line) => { console.error(line) })
  return { checks: await look(), fixes: fixed }
}

/** Changes nothing. */
async function examine (operator: Operator, { tenants }: { tenants: false | TenantsLook }): Promise<Check[]> {
  const registry = await checkRegistry(operator, () => systemClock.now())
  // Without a registry that answers, the other checks only repeat what it said.
  if (registry.some(({ name, state }) => state === 'failed' && name.startsWith('registry'))) return registry
  const rest = await Promise.all([
    checkIndexes(operator), checkBackups(operator), checkRegistryTables(operator), checkServers(operator), checkPoolers(operator), checkSpares(operator), checkLeftovers(operator),
    ...(tenants === false ? [] : [checkTenants(operator, tenants)])
  ])
  return [...registry, ...rest.flat()]
}

function forPrograms ({ fix, ...check }: Check) {
  return fix === undefined ? check : { ...check, fix: fix.what }
}

function describe (checks: Check[]): string {
  const marks = { ok: '✔', warning: '!', failed: '✘' }
  const lines = table(checks.map(({ name, state, detail }) => ({ check: `${marks[state]} ${name}`, finding: detail })), ['check', 'finding'])
  const steps = checks.flatMap(({ name, next }) => next === undefined ? [] : [`  ${name}: ${next}`])
  return steps.length === 0 ? `${lines}\n\nEverything is well.` : `${lines}\n\nWhat to do next:\n${steps.join('\n')}`
}
