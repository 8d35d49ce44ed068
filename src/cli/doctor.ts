// `koinonia doctor`: takes back what crashes left, then says how everything stands and what to do about what is not well.
import { type Command } from 'commander'
import { systemClock } from '../clock.js'
import { checkRegistry } from './check-registry.js'
import { checkServers } from './check-servers.js'
import { attempt, type Check, failed, ok } from './check.js'
import { examineDrift } from './doctor-drift.js'
import { asOperator, type Operator } from './operator.js'
import { table } from './table.js'
import { wholeNumber } from './whole-number.js'

export function doctorCommand (command: Command): void {
  command
    .option('--json', 'print JSON')
    .option('--look-only', 'change nothing: leave unfinished sign-ups and orphaned databases where they are')
    .option('--drift', 'instead compare every tenant\'s schema with that of its version, and print the difference as DDL; changes nothing')
    .option('--concurrency <databases>', 'compared at a time on each server; twice the cores unless given', (value) => wholeNumber(value, 1))
    .addHelpText('after', '\nExample: koinonia doctor --drift --json')
    .action(async (options: { json?: true, lookOnly?: true, drift?: true, concurrency?: number }) => {
      if (options.drift === true) {
        process.exitCode = await examineDrift(options)
        return
      }
      const checks = await asOperator((operator) => examine(operator, options.lookOnly !== true))
      const healthy = checks.every(({ state }) => state !== 'failed')
      console.log(options.json === true ? JSON.stringify({ healthy, checks }, null, 2) : describe(checks))
      process.exitCode = healthy ? 0 : 1
    })
}

/** With `repair` the reconciler runs first, so what it can mend is no finding. */
export async function examine (operator: Operator, repair: boolean): Promise<Check[]> {
  const repaired = repair ? await attempt('leftovers', 'See the other findings, then run this again.', () => reconcile(operator)) : []
  const registry = await checkRegistry(operator.registry, () => systemClock.now())
  // Without a registry that answers, the servers' checks and the repair only repeat what it said.
  if (registry.some(({ name, state }) => state === 'failed' && name.startsWith('registry'))) return registry
  return [...registry, ...await checkServers(operator), ...repaired]
}

async function reconcile ({ provisioner }: Operator): Promise<Check[]> {
  const report = await provisioner.reconcile()
  const removed = [...report.undone, ...report.orphansDropped, ...report.templatesDropped]
  return [
    ok('leftovers', removed.length === 0 ? 'none' : `removed: ${removed.join(', ')}`),
    ...report.findings.map(({ kind, server, subject, detail }) => failed(kind.replaceAll('-', ' '), `${subject} on ${server}`, detail))
  ]
}

function describe (checks: Check[]): string {
  const marks = { ok: '✔', warning: '!', failed: '✘' }
  const lines = table(checks.map(({ name, state, detail }) => ({ check: `${marks[state]} ${name}`, finding: detail })), ['check', 'finding'])
  const steps = checks.flatMap(({ name, next }) => next === undefined ? [] : [`  ${name}: ${next}`])
  return steps.length === 0 ? `${lines}\n\nEverything is well.` : `${lines}\n\nWhat to do next:\n${steps.join('\n')}`
}
