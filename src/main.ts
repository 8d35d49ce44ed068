#!/usr/bin/env node
// The `koinonia` command: picks a file of cli/.
import { Command } from 'commander'
import { existsSync } from 'node:fs'
import { doctorCommand } from './cli/doctor.js'
import { fail } from './cli/fail.js'
import { migrateCommand } from './cli/migrate.js'
import { sandboxCommand } from './cli/sandbox.js'
import { serveCommand } from './cli/serve.js'
import { tenantsCommand } from './cli/tenants.js'
import { workerCommand } from './cli/worker.js'

if (existsSync('.env')) process.loadEnvFile()

const program = new Command('koinonia')
  .description('Text messaging for churches and fitness studios, with a PostgreSQL database for each organization')
  .version('0.1.0')
  .showHelpAfterError()

for (const add of [serveCommand, workerCommand, sandboxCommand, migrateCommand, tenantsCommand, doctorCommand]) add(program)

try {
  await program.parseAsync()
} catch (error) {
  fail(error)
}
