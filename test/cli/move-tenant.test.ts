// `koinonia tenants move` and `rotate` as an operator meets them.
import t from 'tap'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { makeTenant, openOperations } from '../helpers/operations-ground.js'
import { makeRegistry } from '../helpers/provisioning-ground.js'
import { twoServers } from '../helpers/second-server.js'
import { runCli } from './run-cli.js'

t.setTimeout(300_000)

async function ground (t: Parameters<typeof makeRegistry>[0] & { testdir: () => string }, TENANT_SERVERS?: string) {
  const registry = await makeRegistry(t)
  const opened = await openOperations(t, registry.registryUrl, t.testdir(), TENANT_SERVERS === undefined ? {} : { TENANT_SERVERS })
  const run = (...args: string[]) => runCli(registry.registryUrl, ['tenants', ...args], { settings: TENANT_SERVERS === undefined ? {} : { TENANT_SERVERS } })
  const acts = async () => (await registry.sql.query<object>('SELECT action, outcome, reason FROM operator_audit ORDER BY id')).rows
  return { ...registry, ...opened, run, acts }
}

void t.test('move tells the new server and for how long writes were refused, and names what can\'t be done', async (t) => {
  const { TENANT_SERVERS } = await twoServers(t)
  const { run, acts, ...opened } = await ground(t, TENANT_SERVERS)
  const id = await makeTenant(opened)
  t.match(await run('move', id, '--to', 'north'), { code: 1, stdout: '', stderr: /TENANT_SERVERS names no server north, only: east, west/ })
  t.match(await run('move', id, '--to', 'west'), { code: 0, stdout: new RegExp(`^${id} is on west\\. Writes were refused for \\d+\\.\\d s\\.\n$`), stderr: /move: writes refused\n[^]*move: copied\n[^]*move: source dropped/ })
  t.match(await run('move', id, '--to', 'west'), { code: 1, stderr: /on west already/ })
  const back = await run('move', id, '--to', 'east', '--json')
  t.match(JSON.parse(back.stdout), { id, server: 'east', writesRefusedMs: Number })
  t.match(await acts(), [
    { action: 'tenants.move', outcome: 'failed', reason: 'SERVER_UNSUITABLE' }, { action: 'tenants.move', outcome: 'done' },
    { action: 'tenants.move', outcome: 'failed', reason: 'SERVER_UNSUITABLE' }, { action: 'tenants.move', outcome: 'done' }
  ])
})

void t.test('rotate changes one password or every one, and names who failed', async (t) => {
  const { run, acts, admin, ...opened } = await ground(t)
  const [first, second] = [await makeTenant(opened, 'First'), await makeTenant(opened, 'Second')]
  t.match(await run('rotate'), { code: 1, stderr: /Name one tenant, or say --all/ })
  t.match(await run('rotate', first), { code: 0, stdout: `${first} has credential version 2.\n` })
  await opened.tenancy.drain(second)
  await admin.query(`ALTER ROLE tenant_${second} RENAME TO tenant_elsewhere`)
  const all = await run('rotate', '--all', '--json')
  t.equal(all.code, 1)
  t.match((JSON.parse(all.stdout) as Array<{ id: TenantId }>).sort((one, other) => one.id === first ? -1 : other.id === first ? 1 : 0), [
    { id: first, credentialVersion: 3, error: null }, { id: second, credentialVersion: null, error: /does not exist/ }
  ])
  await admin.query(`ALTER ROLE tenant_elsewhere RENAME TO tenant_${second}`)
  t.match(await run('rotate', second), { code: 0, stdout: `${second} has credential version 2.\n` }, 'the same command goes on with what had failed')
  for (const id of [first, second]) t.equal((await opened.tenancy.withTenant(id, (db) => db.selectFrom('admins').select('id').execute())).length, 1)
  t.match((await acts()).length, 4)
})
