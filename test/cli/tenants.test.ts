// `koinonia tenants` as an operator meets it: output, exit codes, and what other processes see.
import { hostname, userInfo } from 'node:os'
import type pg from 'pg'
import t from 'tap'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { makeRegistry, openProvisioner } from '../helpers/provisioning-ground.js'
import { runCli } from './run-cli.js'

t.setTimeout(120_000)

async function acts (sql: pg.Client): Promise<object[]> {
  return (await sql.query<object>('SELECT action, subject, outcome, reason FROM operator_audit ORDER BY id')).rows
}

void t.test('an operator creates, lists, shows, suspends and resumes a tenant, and a running process sees it at once', async (t) => {
  const ground = await makeRegistry(t)
  const created = await runCli(ground.registryUrl, ['tenants', 'create', '--kind', 'studio', '--name', 'Iron Yard', '--email', 'owner@example.org',
    '--first-name', 'Ana', '--last-name', 'Reyes', '--password-stdin', '--json'], { input: 'correct horse battery staple\n' })
  t.equal(created.code, 0, created.stderr)
  t.notMatch(created.stdout + created.stderr, /battery|owner@example/, 'neither password nor address is shown or logged')
  const { tenantId } = JSON.parse(created.stdout) as { tenantId: TenantId }
  t.match(JSON.parse((await runCli(ground.registryUrl, ['tenants', 'list', '--status', 'active', '--json'])).stdout), [{ id: tenantId, kind: 'studio', name: 'Iron Yard', status: 'active' }])
  t.match((await runCli(ground.registryUrl, ['tenants', 'show', tenantId])).stdout, /Iron Yard[^]*tenant_/)

  const { tenancy } = await openProvisioner(t, ground.registryUrl)
  const emails = () => tenancy.withTenant(tenantId, (db) => db.selectFrom('admins').select('email').execute())
  t.strictSame(await emails(), [{ email: 'owner@example.org' }])
  const suspended = await runCli(ground.registryUrl, ['tenants', 'suspend', tenantId])
  t.match(suspended, { code: 0, stdout: /is suspended/, stderr: /tenant status changed/ })
  await t.rejects(emails(), { code: 'TENANT_SUSPENDED' })
  t.equal((await runCli(ground.registryUrl, ['tenants', 'suspend', tenantId])).code, 0, 'doing it twice is no error')
  t.equal((await runCli(ground.registryUrl, ['tenants', 'resume', tenantId])).code, 0)
  t.strictSame(await emails(), [{ email: 'owner@example.org' }])

  const shown = JSON.parse((await runCli(ground.registryUrl, ['tenants', 'show', tenantId, '--json'])).stdout) as { operatorActs: Array<Record<string, unknown>> }
  t.match(shown.operatorActs, ['resume', 'suspend', 'suspend', 'create'].map((verb) => ({ action: `tenants.${verb}`, user: userInfo().username, host: hostname(), outcome: 'done', reason: null })))
  for (const change of ["UPDATE operator_audit SET user_name = 'nobody'", 'DELETE FROM operator_audit', 'TRUNCATE operator_audit']) {
    await t.rejects(ground.sql.query(change), /append-only/)
  }
})

void t.test('what can\'t be done says why, and exits with 1', async (t) => {
  const ground = await makeRegistry(t)
  t.match(await runCli(ground.registryUrl, ['tenants', 'show', 'nosuchtenant']), { code: 1, stdout: '', stderr: /No tenant has the id nosuchtenant/ })
  t.equal((await runCli(ground.registryUrl, ['tenants', 'suspend', 'c'.repeat(24)])).code, 1)
  t.match((await acts(ground.sql)), [{ action: 'tenants.suspend', subject: 'c'.repeat(24), outcome: 'failed', reason: 'TENANT_NOT_FOUND' }], 'an attempt that failed is noted too')
  t.match(await runCli(ground.registryUrl, ['tenants', 'suspend', 'DROP TABLE']), { code: 1, stderr: /No tenant has the id/ })
  t.match(await runCli(ground.registryUrl, ['tenants', 'list', '--status', 'happy']), { code: 1, stderr: /Use one of: creating/ })
})
