// `koinonia migrate`: the registry, then every tenant one after another, with a progress bar on a terminal.
import { SingleBar } from 'cli-progress'
import { type Command } from 'commander'
import { type MigrationResult } from '../registry/apply-migrations.js'
import { migrateRegistry } from '../registry/migrate.js'
import { type FleetProgress, type FleetResult } from '../tenancy/provisioner.js'
import { asOperator, type Operator } from './operator.js'
import { audited } from './operator-audit.js'

export function migrateCommand (command: Command): void {
  command
    .option('--json', 'print the outcome as JSON')
    .action(async (options: { json?: true }) => {
      process.exitCode = await asOperator((operator) => migrate(operator, options.json === true))
    })
}

/** The exit code: 1 when a tenant could not be migrated. */
async function migrate (operator: Operator, json: boolean): Promise<number> {
  const say = (line: string): void => { if (!json) console.log(line) }
  const { registry, tenants } = await audited(operator, {
    action: 'migrate',
    run: () => migrateAll(operator, json, say),
    note: ({ tenants: { failed } }) => failed.length === 0 ? {} : { failure: `${failed.length} tenants failed` }
  })
  operator.log.info({ registry: registry.applied, tenants: tenants.migrated, failed: tenants.failed.length }, 'migrated by an operator')
  if (json) console.log(JSON.stringify({ registry, tenants }, null, 2))
  say(`Tenants: ${tenants.migrated} migrated, ${tenants.failed.length} failed`)
  for (const { tenantId, error } of tenants.failed) say(`  ${tenantId}: ${error}`)
  if (tenants.failed.length > 0) say('Mend the cause and run this again: what is done stays done.')
  return tenants.failed.length > 0 ? 1 : 0
}

async function migrateAll (operator: Operator, json: boolean, say: (line: string) => void): Promise<{ registry: MigrationResult, tenants: FleetResult }> {
  const registry = await migrateRegistry(operator.registryUrl, operator.log, (step) => { say(`· ${step}`) })
  say(`Registry: version ${registry.version}, ${registry.applied.length} applied`)
  const progress = json ? silent : process.stdout.isTTY ? progressBar() : progressLines(say)
  const tenants = await operator.provisioner.migrateTenants(progress.show).finally(progress.end)
  return { registry, tenants }
}

interface Display { show: (progress: FleetProgress) => void, end: () => void }

const silent: Display = { show: () => undefined, end: () => undefined }

function progressBar (): Display {
  const bar = new SingleBar({ format: 'Tenants [{bar}] {value}/{total}  {failed} failed  {eta_formatted} left', barCompleteChar: '=', barIncompleteChar: ' ', hideCursor: true })
  let shown = false
  return {
    show ({ total, done, failed }) {
      if (total === 0) return
      if (shown) bar.update(done, { failed })
      else bar.start(total, done, { failed })
      shown = true
    },
    end () { if (shown) bar.stop() }
  }
}

/** Where there is no terminal: a line at most every five seconds, and one at the end. */
function progressLines (say: (line: string) => void): Display {
  let lastAt = Date.now()
  return {
    show ({ total, done, failed }) {
      if (total === 0 || (done < total && Date.now() - lastAt < 5_000)) return
      lastAt = Date.now()
      say(`Tenants: ${done} of ${total}, ${failed} failed`)
    },
    end: () => undefined
  }
}
