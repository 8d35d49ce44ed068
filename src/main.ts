#!/usr/bin/env node
// The `koinonia` command: what it can do, and the file of cli/ that does it, loaded only when it is chosen.
import { Command } from 'commander'
import { existsSync } from 'node:fs'

/** Completes the command it is given: its options, its own subcommands, its action. */
type Complete = (command: Command) => void

interface Entry { description: string, load: () => Promise<Complete>, isDefault?: true }

const entries: Readonly<Record<string, Entry>> = {
  serve: {
    description: 'serve the API; without settings also an embedded PostgreSQL, a sandbox carrier and a demo church',
    load: async () => (await import('./cli/serve.js')).serveCommand,
    isDefault: true
  },
  worker: {
    description: 'run background jobs: sending, webhooks, number orders, spare databases',
    load: async () => (await import('./cli/worker.js')).workerCommand
  },
  sandbox: {
    description: 'run the local carrier with its page of phones, for an API started with the settings it prints',
    load: async () => (await import('./cli/sandbox.js')).sandboxCommand
  },
  migrate: {
    description: 'bring the registry, then every tenant, to the schema of this version; tenants that fail are named and skipped',
    load: async () => (await import('./cli/migrate.js')).migrateCommand
  },
  tenants: {
    description: 'list and create organizations, suspend, move, clone, archive, back up and delete them',
    load: async () => (await import('./cli/tenants.js')).tenantsCommand
  },
  servers: {
    description: 'list database servers, put them into service, drain, remove and rebalance them',
    load: async () => (await import('./cli/servers.js')).serversCommand
  },
  top: {
    description: 'show which organizations ask, wait and hold the most connections, live',
    load: async () => (await import('./cli/top.js')).topCommand
  },
  dashboard: {
    description: 'print the Grafana dashboard of what /metrics tells, as JSON to import',
    load: async () => (await import('./cli/dashboard.js')).dashboardCommand
  },
  doctor: {
    description: 'check the registry, database servers, tenants and jobs, and mend what is safe with --fix; exit code 1 when something is wrong',
    load: async () => (await import('./cli/doctor.js')).doctorCommand
  }
}

if (existsSync('.env')) process.loadEnvFile()

const program = new Command('koinonia')
  .description('Text messaging for churches and fitness studios, with a PostgreSQL database for each organization')
  .version('0.1.0')
  .showHelpAfterError()
  // `koinonia <command> --help` says it all; `koinonia help <command>` would not load the command.
  .helpCommand(false)
  .hook('preSubcommand', async (_program, chosen) => {
    const complete = await entries[chosen.name()]?.load()
    complete?.(chosen)
  })

for (const [name, { description, isDefault = false }] of Object.entries(entries)) {
  program.command(name, { isDefault }).description(description)
}

try {
  await program.parseAsync()
} catch (error) {
  const { fail } = await import('./cli/fail.js')
  fail(error)
}
