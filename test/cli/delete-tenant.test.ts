// `koinonia tenants delete`, `undelete` and `operations` as an operator meets them.
import t from 'tap'
import { makeTenant, openOperations } from '../helpers/operations-ground.js'
import { makeRegistry } from '../helpers/provisioning-ground.js'
import { runCli } from './run-cli.js'

t.setTimeout(120_000)

void t.test('a deletion names its day, is listed, is taken back by undelete or resume, and each act is noted', async (t) => {
  const ground = await makeRegistry(t)
  const process = await openOperations(t, ground.registryUrl, t.testdir())
  const id = await makeTenant(process)
  await ground.sql.query('INSERT INTO phone_number_registry (phone_number, tenant_id, status) VALUES (\'+16155550100\', $1, \'active\')', [id])
  const run = (...args: string[]) => runCli(ground.registryUrl, ['tenants', ...args])
  const status = async () => (JSON.parse((await run('show', id, '--json')).stdout) as { status: string }).status
  t.match(await run('delete', id, '--grace-days', '7'), { code: 0, stdout: new RegExp(`${id} is refused from now on and removed after [^]*undelete ${id}\n[^]*\\+16155550100`) })
  t.equal(await status(), 'deleting')
  t.match(await run('operations'), { code: 0, stdout: new RegExp(`${id} +delete +running`) })
  t.match(await run('undelete', id), { code: 0, stdout: new RegExp(`${id} is active`) })
  t.match(await run('undelete', id), { code: 1, stderr: /nothing to take back/ })
  t.match(await run('delete', id), { code: 0 })
  t.match(await run('resume', id), { code: 0, stdout: /is active/ })
  t.match(await run('operations'), { stdout: /No operation is under way/ })
  t.equal((JSON.parse((await run('operations', id, '--all', '--json')).stdout) as unknown[]).length, 2)
  const { rows } = await ground.sql.query<object>('SELECT action, outcome FROM operator_audit ORDER BY id')
  t.strictSame(rows, [
    { action: 'tenants.delete', outcome: 'done' }, { action: 'tenants.undelete', outcome: 'done' }, { action: 'tenants.undelete', outcome: 'failed' },
    { action: 'tenants.delete', outcome: 'done' }, { action: 'tenants.resume', outcome: 'done' }
  ])
})

void t.test('--now wants the id twice, and shortens a grace that has begun', async (t) => {
  const ground = await makeRegistry(t)
  const process = await openOperations(t, ground.registryUrl, t.testdir())
  const id = await makeTenant(process)
  const run = (...args: string[]) => runCli(ground.registryUrl, ['tenants', ...args])
  t.match(await run('delete', id, '--now'), { code: 1, stderr: new RegExp(`--confirm ${id}`) })
  t.match(await run('delete', id, '--now', '--confirm', 'another'), { code: 1, stderr: /"another" is not/ })
  t.equal((await process.operations.tenant(id)).status, 'active')
  t.equal((await run('delete', id)).code, 0)
  t.match(await run('delete', id, '--now', '--confirm', id), { code: 0, stdout: /A worker removes it/ })
  t.match((await ground.sql.query<object>('SELECT key FROM graphile_worker.jobs')).rows, [{ key: 'tenants.run-operations' }], 'a worker is called')
  await process.operations.runDue(new AbortController().signal)
  t.equal((await process.operations.tenant(id)).status, 'deleted')
})

void t.test('doctor names an operation that has failed, and one that nobody takes up', async (t) => {
  const ground = await makeRegistry(t)
  const process = await openOperations(t, ground.registryUrl, t.testdir())
  const [one, two] = [await makeTenant(process, 'One'), await makeTenant(process, 'Two')]
  for (const id of [one, two]) t.equal((await runCli(ground.registryUrl, ['tenants', 'delete', id])).code, 0)
  t.match(await runCli(ground.registryUrl, ['doctor']), { code: 0, stdout: /operations +2 on tenants waiting or running/ })
  await ground.sql.query('UPDATE tenant_operations SET status = \'failed\', error = \'The disk is full.\' WHERE tenant_id = $1', [one])
  await ground.sql.query('UPDATE tenant_operations SET run_after = now() - interval \'10 minutes\' WHERE tenant_id = $1', [two])
  const doctor = await runCli(ground.registryUrl, ['doctor'])
  t.match(doctor, { code: 1, stdout: new RegExp(`failed operation +delete of ${one}: The disk is full`) })
  t.match(doctor.stdout, new RegExp(`overdue operation +delete of ${two}`))
  const [, operation = ''] = /--retry (\S+)/.exec(doctor.stdout) ?? []
  t.match(await runCli(ground.registryUrl, ['tenants', 'operations', '--retry', operation]), { code: 0, stdout: new RegExp(`The delete of ${one} is done`) })
  t.equal((await process.operations.tenant(one)).status, 'deleted')
})
