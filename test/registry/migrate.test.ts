// The registry's migration on a real server: complete, repeatable, safe to run twice at once.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import t from 'tap'
import { migrationFiles } from '../../src/registry/apply-migrations.js'
import { migrateRegistry } from '../../src/registry/migrate.js'
import { testServer } from '../helpers/test-server.js'

const log = pino({ level: 'silent' })

async function emptyDatabase (): Promise<string> {
  const { adminUrl } = await testServer()
  const name = `registry_${randomBytes(6).toString('hex')}`
  await withClient(adminUrl, (admin) => admin.query(`CREATE DATABASE ${name}`))
  t.teardown(() => withClient(adminUrl, (admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`)))
  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  return url.href
}

async function withClient<T> (url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

void t.test('an empty database gets every table and the job queue, and a second run changes nothing', async (t) => {
  const url = await emptyDatabase()
  const steps: string[] = []
  const first = await migrateRegistry(url, log, (step) => steps.push(step))
  t.equal(first.applied.length, migrationFiles('registry').length)
  t.equal(first.version, first.applied.length)
  t.strictSame(steps, ['waiting for other migrations', 'registry tables', 'job queue'])
  t.strictSame(await migrateRegistry(url, log), { applied: [], version: first.version })
  await withClient(url, async (client) => {
    const { rows } = await client.query('SELECT to_regclass(\'tenants\') AS tenants, to_regclass(\'graphile_worker._private_jobs\') AS jobs, has_database_privilege(\'public\', current_database(), \'CONNECT\') AS open')
    t.match(rows[0], { tenants: 'tenants', jobs: /_private_jobs/, open: false })
  })
})

void t.test('two processes that migrate at once both succeed, and each file is applied once', async (t) => {
  const url = await emptyDatabase()
  const results = await Promise.all([migrateRegistry(url, log), migrateRegistry(url, log)])
  const applied = results.flatMap((result) => result.applied)
  t.equal(applied.length, new Set(applied).size)
  t.equal(applied.length, migrationFiles('registry').length)
})
