// `koinonia tenants clone` as an operator meets it: whatever becomes of the command, whoever ran it can sign in to the copy.
import t, { type Test } from 'tap'
import { createPasswords } from '../../src/crypto/passwords.js'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { makeTenant, openOperations } from '../helpers/operations-ground.js'
import { connect, databaseUrl, makeRegistry } from '../helpers/provisioning-ground.js'
import { until } from '../helpers/until.js'
import { type CliOutcome, runCli, startCli } from './run-cli.js'

t.setTimeout(120_000)

const passwords = createPasswords({ memoryKiB: 256, timeCost: 1, parallelism: 1 })
const args = (id: string, ...more: string[]) => ['tenants', 'clone', id, '--name', 'Grace (staging)', '--email', 'staging@example.net', ...more]

async function ground (t: Test) {
  const registry = await makeRegistry(t)
  const opened = await openOperations(t, registry.registryUrl, t.testdir())
  const id = await makeTenant(opened)
  const signsIn = async (copy: string, password: string) => {
    const admins = await opened.tenancy.withTenant(copy as TenantId, (db) => db.selectFrom('admins').select(['email', 'role', 'password_hash']).execute())
    t.match(admins, [{ email: 'staging@example.net', role: 'primary' }])
    return await passwords.verify(admins[0]?.password_hash ?? '', password)
  }
  return { ...registry, ...opened, id, signsIn, run: (...given: string[]) => runCli(registry.registryUrl, given) }
}

const announced = /^staging@example\.net will sign in to ([a-z0-9]+) with this password, which is shown once: (\S{24})\n/

/** The copy's id and its admin's password, as the command has told. */
function told ({ stdout }: Pick<CliOutcome, 'stdout'>): [id: string, password: string] {
  const [, id = '', password = ''] = announced.exec(stdout) ?? []
  return [id, password]
}

void t.test('it prints its admin\'s password once, before anything else, and then the copy', async (t) => {
  const { id, run, registryUrl, signsIn } = await ground(t)
  const made = await run(...args(id))
  const [copy, password] = told(made)
  t.match(made, { code: 0, stdout: new RegExp(`\\n${copy} is a copy of ${id}\\. staging@example\\.net signs in`) })
  t.ok(await signsIn(copy, password))
  t.notMatch(made.stderr, password)
  const lines = (await run(...args(id, '--json'))).stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, string>)
  t.match(lines, [{ original: id, email: 'staging@example.net', password: /^\S{24}$/ }, { original: id, server: 'primary', id: lines[0]?.['id'] }])
  t.strictSame(lines.map((line) => 'password' in line), [true, false])
  t.ok(await signsIn(lines[0]?.['id'] ?? '', lines[0]?.['password'] ?? ''))
  const given = await runCli(registryUrl, args(id, '--password-stdin', '--json'), { input: 'violet umbrella over seven hills\n' })
  const { id: third } = JSON.parse(given.stdout) as { id: string }
  t.ok(await signsIn(third, 'violet umbrella over seven hills'))
  t.notMatch(given.stdout, 'violet')
  t.match(await runCli(registryUrl, args(id, '--password-stdin'), { input: 'password\n' }), { code: 1, stdout: '' })
  t.match(await run(...args('tnobody0000000000000000')), { code: 1, stdout: '', stderr: /No tenant/ }, 'what is not begun has no password')
})

void t.test('killed half-way, a worker finishes it and the password that was shown lets in; only its hash is on record', async (t) => {
  const { id, registryUrl, adminUrl, sql, operations, signsIn, run } = await ground(t)
  const inside = await connect(databaseUrl(adminUrl, `tenant_${id}`))
  // The copy waits for this table, and so for its death.
  await inside.query('BEGIN; LOCK TABLE members IN ACCESS EXCLUSIVE MODE')
  const command = startCli(registryUrl, args(id))
  await until(async () => (await sql.query('SELECT FROM tenant_operations WHERE step = \'database-made\'')).rows.length === 1, 30_000)
  command.child.kill('SIGKILL')
  const killed = await command.outcome
  await inside.end()
  const [copy, password] = told(killed)
  t.equal(password.length, 24)
  const { rows } = await sql.query<{ everything: string }>('SELECT (SELECT json_agg(o)::text FROM tenant_operations o) || (SELECT coalesce(json_agg(a)::text, \'\') FROM operator_audit a) AS everything')
  t.notOk(rows[0]?.everything.includes(password))
  t.notOk(killed.stderr.includes(password))
  await sql.query('UPDATE tenant_operations SET lease_expires_at = now() - interval \'1 second\', run_after = now()')
  await operations.runDue(new AbortController().signal)
  t.ok(await signsIn(copy, password))

  await sql.query('UPDATE tenant_operations SET status = \'running\', finished_at = NULL')
  t.match(await run(...args(id)), { code: 0, stdout: new RegExp(`^${copy} is a copy of`) }, 'the same command again ends that one, and shows no password that nothing knows')
})
