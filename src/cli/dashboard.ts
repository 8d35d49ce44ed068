// `koinonia dashboard`: the Grafana dashboard of /metrics, as a file to import.
import { type Command } from 'commander'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../config.js'

export const dashboardFile = join(packageRoot, 'src/cli/grafana/dashboard.json')

export function dashboardCommand (command: Command): void {
  command
    .addHelpText('after', '\nExample:\n  koinonia dashboard > koinonia.json    then in Grafana: Dashboards, New, Import')
    .action(async () => { process.stdout.write(await readFile(dashboardFile, 'utf8')) })
}
