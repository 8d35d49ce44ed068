// `koinonia migrate` as an operator meets it: what it prints, its exit codes, what it refuses, and what is noted of it.
import t from 'tap'
import { currentSchemaVersion } from '../../src/tenancy/schema-version.js'
import { after, before, makeFleet } from '../helpers/make-fleet.js'
import { makeRegistry } from '../helpers/provisioning-ground.js'
import { runCli } from './run-cli.js'

t.setTimeout(180_000)

const acts = async (fleet: { sql: { query: (sql: string) => Promise<{ rows: unknown[] }> } }) => (await fleet.sql.query('SELECT action, outcome, reason FROM operator_audit ORDER BY id')).rows

void t.test('migrate brings every tenant up to date, records one that fails, goes on, and exits with 1', async (t) => {
  const fleet = await makeFleet(t, 3)
  const sick = fleet.ids[1]!
  await fleet.poison(sick)
  const planned = await runCli(fleet.registryUrl, ['migrate', '--dry-run'])
  t.match(planned, { code: 0, stdout: /nothing to do\nTenants: up to version \d+\n {2}primary: 3 to migrate\n {2}to apply: 0016_events, 0017_send_buckets/ })
  t.strictSame(await fleet.versions(), [`3 at ${before}`], 'a dry run touches nothing')

  const run = await runCli(fleet.registryUrl, ['migrate'])
  t.equal(run.code, 1)
  t.match(run.stdout, new RegExp(`Registry: version \\d+, 0 applied\n[^]*Tenants: 3 of 3, 1 failed[^]*Tenants: 2 migrated, 1 failed, in [\\d.]+ s\n  ${sick}: 0017_send_buckets: relation "send_buckets" already exists\nMend the cause`))
  t.match(await fleet.statusOf(sick), { version: 16, status: 'failed' })

  await fleet.cure(sick)
  t.match(JSON.parse((await runCli(fleet.registryUrl, ['migrate', 'tenants', '--resume', '--json'])).stdout), { tenants: { outcome: 'done', migrated: 1, failed: [], left: 0 } })
  t.match(await runCli(fleet.registryUrl, ['migrate', 'tenants']), { code: 0, stdout: `Tenants: all at version ${currentSchemaVersion()}\n` })
  t.strictSame(await acts(fleet), [{ action: 'migrate', outcome: 'failed', reason: '1 tenants failed' }, { action: 'migrate', outcome: 'done', reason: null }], 'what found nothing to do is not noted')
})

void t.test('tenants go back to a version only when that is said twice, and come to any version between', async (t) => {
  const fleet = await makeFleet(t, 2, currentSchemaVersion())
  t.match(await runCli(fleet.registryUrl, ['migrate', 'tenants', '--to', String(before)]), { code: 1, stderr: /2 tenants are beyond version 15.*--down/ })
  t.match(await runCli(fleet.registryUrl, ['migrate', 'tenants', '--to', String(before), '--down']), { code: 0, stdout: /Tenants: 2 migrated, 0 failed/ })
  t.match(await runCli(fleet.registryUrl, ['migrate', 'tenants', '--to', String(after), '--only', fleet.ids[0]!, '--json']), { code: 0, stdout: /"migrated": 1/ })
  t.strictSame(await fleet.versions(), [`1 at ${before}`, `1 at ${after}`])
})

void t.test('the registry alone goes to a version and back', async (t) => {
  const ground = await makeRegistry(t)
  const version = async () => (await ground.sql.query<{ version: number }>('SELECT count(*)::int AS version FROM pgmigrations')).rows[0]!.version
  const newest = await version()
  t.match(await runCli(ground.registryUrl, ['migrate', 'registry', '--to', String(newest - 1)]), { code: 1, stderr: /--down/ })
  // Where the last file is the one that this command's note is written in, going back is told all the same.
  await runCli(ground.registryUrl, ['migrate', 'registry', '--to', String(newest - 1), '--down'])
  t.equal(await version(), newest - 1)
  t.match(await runCli(ground.registryUrl, ['migrate', 'registry', '--dry-run']), { code: 0, stdout: new RegExp(`version ${newest - 1}; to apply: `) })
  t.equal((await runCli(ground.registryUrl, ['migrate', 'registry'])).code, 0)
  t.equal(await version(), newest)
})

void t.test('options that do not go together, or mean nothing, are refused with a word', async (t) => {
  const { registryUrl } = await makeRegistry(t)
  for (const [args, said] of [
    [['--to', '3'], /--to needs to know of what/], [['tenants', '--down'], /--down needs --to/], [['registry', '--canary', '2'], /about tenants/],
    [['tenants', '--concurrency', '0'], /whole number, 1 or more/], [['tenants', '--only', 'DROP'], /No tenant has the id/], [['both'], /Allowed choices are registry, tenants/]
  ] as const) t.match(await runCli(registryUrl, ['migrate', ...args]), { code: 1, stderr: said }, args.join(' '))
  t.match((await runCli(registryUrl, ['migrate', '--help'])).stdout, /Example: koinonia migrate tenants/)
})
