// `koinonia top`: which tenants ask, wait and hold the most, over all processes that are named.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { setTimeout as pause } from 'node:timers/promises'
import { loadConfig, publicUrl } from '../config.js'
import { type Measure, measures } from '../tenancy/busiest-tenants.js'
import { askProcesses, type Sample } from './ask-processes.js'
import { liveScreen, type Terminal } from './live-screen.js'
import { table } from './table.js'
import { wholeNumber } from './whole-number.js'

interface Options { url?: string[], by: Measure, limit: number, interval: number, once?: true, json?: true }

export function topCommand (command: Command): void {
  command
    .option('--url <url>', 'a process to ask, such as http://10.0.0.5:3000; repeat it for each. PUBLIC_URL unless given', readUrl)
    .addOption(new Option('--by <measure>', 'what comes first').choices(measures).default('requests'))
    .option('--limit <tenants>', 'how many are shown', (value) => wholeNumber(value, 1), 20)
    .option('--interval <seconds>', 'how often the table is drawn anew', (value) => wholeNumber(value, 1), 2)
    .option('--once', 'print one table and end, as it does where there is no terminal')
    .option('--json', 'print one sample as JSON')
    .addHelpText('after', '\nRates are those of about the last ten seconds. With --once or --json the exit code is 1 when a process did not answer.' +
      '\nExample: koinonia top --by waits --url http://10.0.0.5:3000 --url http://10.0.0.6:3000')
    .action(async (options: Options) => {
      const config = loadConfig()
      const stopped = new AbortController()
      const ask = () => askProcesses(options.url ?? [publicUrl(config)], config.OPERATOR_TOKEN, { ...options, signal: stopped.signal })
      if (options.json !== true && options.once !== true && process.stdout.isTTY) {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { stopped.abort() })
        await watch(ask, process.stdout, options.interval * 1_000, stopped.signal)
        return
      }
      const sample = await ask()
      console.log(options.json === true ? JSON.stringify(sample, null, 2) : describe(sample))
      process.exitCode = sample.unanswered.length === 0 ? 0 : 1
    })
}

/** Until `stopped`; then the terminal is as it was before. */
export async function watch (ask: () => Promise<Sample>, terminal: Terminal, intervalMs: number, stopped: AbortSignal): Promise<void> {
  const screen = liveScreen(terminal)
  try {
    for (;;) {
      const sample = await ask()
      if (stopped.aborted) return
      screen.draw(describe(sample))
      await pause(intervalMs, undefined, { signal: stopped }).catch(() => undefined)
    }
  } finally {
    screen.leave()
  }
}

export function describe ({ processes, unanswered, tenants }: Sample): string {
  const rows = tenants.map(({ tenantId, organization, servers, ...figures }) => ({
    tenant: tenantId,
    organization: organization?.replace(/\p{Cc}/gu, ' ').slice(0, 30),
    server: servers.join(' '),
    requests: `${figures.requestsPerSecond.toFixed(1)}/s`,
    waits: `${figures.waitsPerSecond.toFixed(1)}/s`,
    meanWait: `${figures.meanWaitMs.toFixed(0)} ms`,
    inLine: figures.waiting,
    connections: figures.connections
  }))
  return [
    `${processes} ${processes === 1 ? 'process' : 'processes'} asked at ${new Date().toISOString().slice(11, 19)} UTC`,
    ...unanswered.map(({ url, reason }) => `${url} did not answer: ${reason}`),
    rows.length === 0 ? 'No tenant asks for anything.' : table(rows, ['tenant', 'organization', 'server', 'requests', 'waits', 'meanWait', 'inLine', 'connections'])
  ].join('\n')
}

function readUrl (value: string, before: string[] = []): string[] {
  if (!/^https?:\/\/[^\s/]/.test(value)) throw new InvalidArgumentError('It begins with http:// or https://.')
  return [...before, value.replace(/\/$/, '')]
}
