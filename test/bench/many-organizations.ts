// Koinonia with many organizations of one member each, made once for all rows of a run, or with --keep for all runs of a day.
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { mapBounded } from '../../src/tenancy/map-bounded.js'
import { currentSchemaVersion } from '../../src/tenancy/schema-version.js'
import { type Bench } from './bench.js'
import { type Koinonia, type Organization, startKoinonia } from './koinonia.js'

interface Made { schemaVersion: number, port: number, madeAt: number, registryUrl: string, jwtSecret: string, organizations: Organization[] }

/** Their tokens are good for a day. */
const usableMs = 20 * 3_600_000
const signUpsAtOnce = 4

/** Starts it; it is stopped when the row ends. */
export async function startWithMany (bench: Bench, count: number, settings: NodeJS.ProcessEnv = {}, execArgv: string[] = []): Promise<{ koinonia: Koinonia, organizations: Organization[] }> {
  const file = path.join(bench.folder, `organizations-${count}.json`)
  const known = await recall(bench, file)
  const registryUrl = known?.registryUrl ?? await bench.makeRegistry()
  const jwtSecret = known?.jwtSecret ?? randomBytes(48).toString('base64')
  const koinonia = await startKoinonia(bench, { settings: { JWT_SECRET: jwtSecret, ...settings }, spares: known === undefined ? count : 0, registryUrl, execArgv })
  if (known !== undefined) return { koinonia, organizations: known.organizations }
  bench.say(`signing up ${count} organizations`)
  const organizations = await mapBounded(Array.from({ length: count }, (_, n) => n), signUpsAtOnce, () => koinonia.makeOrganization(1))
  await settle(bench)
  const made: Made = { schemaVersion: currentSchemaVersion(), port: bench.postgres.port, madeAt: Date.now(), registryUrl, jwtSecret, organizations }
  await writeFile(file, JSON.stringify(made), { mode: 0o600 })
  return { koinonia, organizations }
}

/** Writes down what has been made, or the server would do so during the measurement, and not be done when it is told to stop. */
async function settle ({ postgres, say }: Bench): Promise<void> {
  say('letting the disk come to rest')
  const admin = new pg.Client({ connectionString: postgres.adminUrl, application_name: 'bench' })
  await admin.connect()
  await admin.query('CHECKPOINT')
  await admin.end()
}

/** Those made before, if this code and this server can still use them. */
async function recall ({ postgres, say }: Bench, file: string): Promise<Made | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const made = JSON.parse(text) as Made
  const usable = made.schemaVersion === currentSchemaVersion() && made.port === postgres.port && Date.now() - made.madeAt < usableMs
  say(usable ? `with the ${made.organizations.length} organizations that are there` : 'the organizations that are there are of another version, port or day')
  return usable ? made : undefined
}
