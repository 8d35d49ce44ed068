// One database brought to a version: files without a transaction, what a cut-off index build leaves, locks, and an unsafe file that stops a run.
import t from 'tap'
import { describeUnsafe } from '../../../src/cli/describe-migration.js'
import { readMigration } from '../../../src/registry/migration-files.js'
import { advanceDatabase, MigrationFailed } from '../../../src/tenancy/fleet/advance-database.js'
import { refuseUnfit } from '../../../src/tenancy/fleet/begin-run.js'
import { FleetRefused } from '../../../src/tenancy/fleet/fleet-order.js'
import { fleetTiming } from '../../../src/tenancy/fleet/fleet-timing.js'
import { hasty } from '../../helpers/make-fleet.js'
import { connect, databaseUrl } from '../../helpers/provisioning-ground.js'
import { testServer } from '../../helpers/test-server.js'

const timing = { ...fleetTiming, ...hasty }
const files = [
  readMigration('0001_people.sql', '-- Why.\n-- Up Migration\nCREATE TABLE people (id int PRIMARY KEY, name text);\n-- Down Migration\nDROP TABLE people;\n-- end'),
  readMigration('0002_names.sql', '-- Why.\n-- No transaction\n-- Up Migration\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS people_name ON people (name);\nSELECT 1;\n-- Down Migration\nDROP INDEX CONCURRENTLY people_name;'),
  readMigration('0003_ages.sql', '-- Why.\n-- Up Migration\nALTER TABLE people ADD COLUMN age int;\nALTER TABLE people ADD COLUMN height int NOT NULL DEFAULT 0;')
]

async function makeDatabase (t: { teardown: (run: () => Promise<void>) => unknown }) {
  const { adminUrl } = await testServer()
  const admin = await connect(adminUrl)
  const name = `advance_${process.pid}_${Math.random().toString(36).slice(2, 8)}`
  await admin.query(`CREATE DATABASE ${name}`)
  const client = await connect(databaseUrl(adminUrl, name))
  const other = await connect(databaseUrl(adminUrl, name))
  await client.query('CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)')
  t.teardown(async () => {
    await Promise.all([client.end(), other.end()])
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await admin.end()
  })
  const advance = async (target: number, direction: 'up' | 'down' = 'up') => await advanceDatabase(client, { roleName: 'postgres', target, direction, timing, files, onFile: () => undefined })
  return { advance, other }
}

void t.test('a file that says so runs outside a transaction, up and down; what a cut-off index build left is made anew', async (t) => {
  const { advance, other } = await makeDatabase(t)
  await advance(1)
  await other.query('INSERT INTO people VALUES (1, \'Ada\'), (2, \'Ada\')')
  await t.rejects(advance(2), { name: 'MigrationFailed', message: /^0002_names: could not create unique index/ })
  t.strictSame((await other.query('SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = \'people_name\'::regclass')).rows, [{ valid: false }], 'PostgreSQL leaves it there')
  await other.query('DELETE FROM people WHERE id = 2')
  t.match(await advance(2), { applied: ['0002_names'], version: 2 })
  t.strictSame((await other.query('SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = \'people_name\'::regclass')).rows, [{ valid: true }])
  t.match(await advance(0, 'down'), { applied: ['0002_names', '0001_people'], version: 0 })
  t.strictSame((await other.query('SELECT to_regclass(\'people\') AS people')).rows, [{ people: null }])
})

void t.test('a statement that gets no lock is tried again and then gives up, and leaves nothing of its file', async (t) => {
  const { advance, other } = await makeDatabase(t)
  await advance(2)
  await other.query('BEGIN; SELECT FROM people')
  const failure = await advance(3).catch((error: unknown) => error)
  t.ok(failure instanceof MigrationFailed)
  t.match(failure, { version: 2, file: '0003_ages', message: /lock timeout/ })
  await other.query('COMMIT')
  const { rows } = await other.query('SELECT FROM pg_attribute WHERE attrelid = \'people\'::regclass AND attname IN (\'age\', \'height\')')
  t.equal(rows.length, 0)
})

void t.test('a lock that comes free between two tries is had', async (t) => {
  const { advance, other } = await makeDatabase(t)
  await advance(2)
  await other.query('BEGIN; SELECT FROM people')
  let tries = 0
  const letGo = setTimeout(() => { tries++; void other.query('COMMIT') }, 200)
  t.match(await advance(3), { applied: ['0003_ages'], version: 3 })
  clearTimeout(letGo)
  t.equal(tries, 1, 'it stood in the way at first')
})

void t.test('a file with no way back, and a database of another line of code, are refused', async (t) => {
  const { advance, other } = await makeDatabase(t)
  await advance(3)
  await t.rejects(advance(2, 'down'), /0003_ages: it has no way back/)
  await other.query('UPDATE pgmigrations SET name = \'0002_other\' WHERE name = \'0002_names\'')
  await t.rejects(advance(3), /The database has 0002_other where this code has 0002_names/)
})

void t.test('pending files that are unsafe stop a run before it begins, each named with file, line and advice', async (t) => {
  const unsafe = [...files, readMigration('0004_bad.sql', '-- Why.\n-- Up Migration\n\nCREATE INDEX people_age ON people (age);\nALTER TABLE people ADD COLUMN born date NOT NULL;')]
  const settings = { direction: 'up' as const, target: 4, only: null, canary: 0, concurrency: null, onError: 'continue' as const }
  const state = { behind: [{ server: 'primary', tenants: 9, lowest: 2, highest: 3 }], spares: 0, beyond: 0, open: null }
  let refusal: unknown
  try {
    refuseUnfit({}, { settings, state }, unsafe)
  } catch (error) {
    refusal = error
  }
  t.ok(refusal instanceof FleetRefused)
  t.match(describeUnsafe((refusal as FleetRefused).unsafe), /0004_bad\.sql:4 index-blocks-writes: CREATE INDEX people_age.*\n.*CONCURRENTLY.*\n.*0004_bad\.sql:5 not-null-without-default: ALTER TABLE people ADD COLUMN born date NOT NULL/)
  t.doesNotThrow(() => { refuseUnfit({}, { settings, state: { ...state, behind: [{ server: 'primary', tenants: 9, lowest: 0, highest: 0 }] } }, unsafe) }, 'nobody has the table yet')
})
