// `npm run bench`: measures this checkout beside others on this machine, in this run. It judges ratios; only a broken promise fails it.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type Row, runRow, startPostgres } from './bench.js'
import { type Finding, type Skipped } from './finding.js'
import { asJson, brokenPromises, printTable } from './report.js'
import { cachedTenants } from './rows/cached-tenants.js'
import { deliveryEvents } from './rows/delivery-events.js'
import { dispatch } from './rows/dispatch.js'
import { expressPrisma } from './rows/express-prisma.js'
import { fleetMigration } from './rows/fleet-migration.js'
import { manyTenants } from './rows/many-tenants.js'
import { noisyNeighbour } from './rows/noisy-neighbour.js'
import { queueing } from './rows/queueing.js'
import { signUp } from './rows/sign-up.js'
import { warmRead } from './rows/warm-read.js'
import { webhookIngress } from './rows/webhook-ingress.js'

const rows: Row[] = [warmRead, expressPrisma, manyTenants, cachedTenants, noisyNeighbour, signUp, queueing, dispatch, deliveryEvents, webhookIngress, fleetMigration]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    databases: { type: 'string' },
    texts: { type: 'string', default: '100000' },
    keep: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false }
  }
})

if (values.help) {
  console.log(`npm run bench -- [row …] [--runs 5] [--seconds 4] [--databases …] [--texts 100000] [--keep folder] [--json]

--keep  keeps the server and its many tenants in a folder, where runs of the same day find them; --databases 1000 takes minutes to make

${rows.map(({ name, about }) => `  ${name.padEnd(16)} ${about}`).join('\n')}`)
} else {
  await bench(chooseRows(positionals))
}

function chooseRows (names: string[]): Row[] {
  const unknown = names.filter((name) => !rows.some((row) => row.name === name))
  if (unknown.length > 0) {
    console.error(`No row is called ${unknown.join(', ')}. There are: ${rows.map(({ name }) => name).join(', ')}`)
    process.exit(2)
  }
  return names.length === 0 ? rows : rows.filter(({ name }) => names.includes(name))
}

async function bench (chosen: Row[]): Promise<void> {
  const say = (text: string) => { console.error(text) }
  const runs = Number(values.runs)
  const seconds = Number(values.seconds)
  const databases = values.databases === undefined ? undefined : Number(values.databases)
  const texts = Number(values.texts)
  if (!(runs >= 1 && seconds > 0 && (databases ?? 1) >= 1 && texts >= 100)) throw new RangeError('--runs, --seconds and --databases must be positive numbers, --texts 100 at least')
  say(`Node ${process.version}, ${availableParallelism()} cores, ${runs} runs of ${seconds} s`)
  const { postgres, folder } = await startPostgres(values.keep)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // Whoever still talks to the server that is stopped here loses a connection: no news, and no reason to leave its folder behind.
      process.on('uncaughtException', () => undefined)
      void postgres.stop().finally(() => process.exit(1))
    })
  }
  const findings: Array<Finding | Skipped> = []
  try {
    for (const row of chosen) findings.push(...await runRow(row, { postgres, folder, runs, seconds, ...databases === undefined ? {} : { databases }, texts, say }))
  } finally {
    await postgres.stop()
  }
  if (values.json) console.log(asJson(findings))
  else printTable(findings)
  for (const line of brokenPromises(findings)) {
    console.error(line)
    process.exitCode = 1
  }
}
