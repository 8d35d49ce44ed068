// `koinonia tenants backup`, `backups` and `restore --from-backup` as an operator meets them.
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeTenant, openOperations } from '../helpers/operations-ground.js'
import { databaseUrl, makeRegistry } from '../helpers/provisioning-ground.js'
import { contentsOf } from '../helpers/tenant-contents.js'
import { runCli } from './run-cli.js'

t.setTimeout(120_000)

interface Listed { id: string, tenant: string, kind: string, bytes: number, verified: string | null, error: string | null, key: string }

void t.test('all are backed up into BACKUP_DIR, listed, proved, gone back to; what can\'t be restored is exit code 1', async (t) => {
  const ground = await makeRegistry(t)
  const folder = t.testdir()
  const opened = await openOperations(t, ground.registryUrl, folder)
  const [one, two] = [await makeTenant(opened, 'One'), await makeTenant(opened, 'Two')]
  const run = (...args: string[]) => runCli(ground.registryUrl, ['tenants', ...args], { settings: { DATA_DIR: folder, BACKUP_DIR: join(folder, 'elsewhere') } })
  t.match(await run('backup'), { code: 1, stderr: /Name organizations, or say --all/ })
  t.match(await run('backup', '--all', '--concurrency', '99'), { code: 1, stderr: /whole number from 1 to 16/ })
  t.match(await run('backups', 'list'), { code: 0, stdout: /There are no backups/ })
  t.match(await run('backup', '--all', '--keep', '1'), { code: 0, stdout: /2 backed up, 0 failed/, stderr: /Backups: 2 of 2, 0 failed/ })
  t.match(await run('backup', '--all', '--max-age', '1', '--json'), { code: 0, stdout: /\{"made":0,"failed":\[\]\}/ })
  t.match(await run('backup', one, '--keep', '1'), { code: 0, stdout: /1 backed up/ })
  t.strictSame(new Set(await readdir(join(folder, 'elsewhere/_backups'))), new Set([one, two]))
  const listed = async (...args: string[]) => JSON.parse((await run('backups', 'list', ...args, '--json')).stdout) as Listed[]
  t.equal((await listed()).length, 2)
  const [backup] = await listed(one)
  t.match(backup, { tenant: one, kind: 'backup', verified: null })
  t.match(await run('backups', 'verify', backup!.id), { code: 0, stdout: /can be restored: every table is equal/ })

  const contents = () => contentsOf(databaseUrl(ground.adminUrl, `tenant_${one}`))
  const wanted = await contents()
  await opened.tenancy.withTenant(one, (db) => db.insertInto('branches').values({ name: 'Since' }).execute())
  t.match(await run('restore', two, '--from-backup', backup!.id), { code: 1, stderr: /is .*'s, not/ })
  const back = await run('restore', one, '--from-backup', backup!.id)
  t.match(back, { code: 0, stdout: new RegExp(`${one} is active, on server primary\\. As it was before: koinonia tenants restore ${one} --from-backup `) })
  t.strictSame(await contents(), wanted)
  t.equal((await listed(one)).length, 2)

  await rm(join(folder, 'elsewhere', backup!.key))
  t.match(await run('backups', 'verify', backup!.id), { code: 1, stdout: /can't be restored: The storage has no/ })
  t.match(await run('restore', one, '--from-backup', backup!.id), { code: 1, stderr: /The storage has no/ })
  t.match(await opened.operations.tenant(one), { status: 'active' })
  t.match(await run('backups', 'list', one), { code: 0, stdout: /The storage has no/ })
})
