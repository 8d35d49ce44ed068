// `koinonia tenants archive` and `restore` as an operator meets them, with files of his own.
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeTenant, openOperations } from '../helpers/operations-ground.js'
import { databaseUrl, makeRegistry } from '../helpers/provisioning-ground.js'
import { contentsOf } from '../helpers/tenant-contents.js'
import { runCli } from './run-cli.js'

t.setTimeout(180_000)

async function prepare (t: Parameters<typeof makeRegistry>[0] & { testdir: () => string }) {
  const ground = await makeRegistry(t)
  const folder = t.testdir()
  const opened = await openOperations(t, ground.registryUrl, folder)
  const id = await makeTenant(opened)
  const run = (args: string[], settings: Record<string, string> = {}) => runCli(ground.registryUrl, ['tenants', ...args], { settings: { DATA_DIR: folder, ...settings } })
  return { ground, folder, opened, id, run, contents: () => contentsOf(databaseUrl(ground.adminUrl, `tenant_${id}`)) }
}

void t.test('archived with a copy, shown so, and restored by its id; each act is noted', async (t) => {
  const { ground, folder, opened, id, run, contents } = await prepare(t)
  const wanted = await contents()
  const copy = join(folder, 'copy.koinonia')
  const archived = await run(['archive', id, '--to', copy])
  t.match(archived, { code: 0, stdout: new RegExp(`${id} is archived as _archives/${id}/.*with a copy in`), stderr: /archive: closed\narchive: written\narchive: proved\narchive: dropped/ })
  t.notOk((await readFile(copy)).includes('Grace'), 'the copy is encrypted')
  t.match(await run(['archive', id, '--to', copy]), { code: 1, stderr: /is there already/ })
  t.match(await run(['resume', id]), { code: 1, stderr: /is archived/ })
  t.match(JSON.parse((await run(['show', id, '--json'])).stdout), { status: 'archived' })
  t.match(JSON.parse((await run(['restore', id, '--json'])).stdout), { id, status: 'active', server: 'primary' })
  t.strictSame(await contents(), wanted)
  t.equal((await opened.tenancy.withTenant(id, (db) => db.selectFrom('admins').select('id').execute())).length, 1)
  const { rows } = await ground.sql.query<object>('SELECT action, subject, outcome FROM operator_audit ORDER BY id')
  t.strictSame(rows, [['archive', 'done'], ['resume', 'failed'], ['restore', 'done']].map(([verb, outcome]) => ({ action: `tenants.${verb ?? ''}`, subject: id, outcome })))
})

void t.test('a file brings back an organization that was deleted, into this registry or one that never knew it', async (t) => {
  const { folder, opened, id, run, contents, ground } = await prepare(t)
  const wanted = await contents()
  await ground.sql.query('INSERT INTO phone_number_registry (phone_number, tenant_id, status) VALUES (\'+16155550123\', $1, \'active\')', [id])
  const copy = join(folder, 'copy.koinonia')
  t.equal((await run(['archive', id, '--to', copy])).code, 0)
  t.equal((await run(['delete', id, '--now', '--confirm', id])).code, 0)
  await opened.operations.runDue(new AbortController().signal)
  t.match(await run(['restore', id]), { code: 1, stderr: /is deleted/ })
  t.match(await run(['restore', copy]), { code: 0, stdout: new RegExp(`${id} is active, on server primary`) })
  t.strictSame(await contents(), wanted)
  t.match(JSON.parse((await run(['show', id, '--json'])).stdout), { name: 'Grace Chapel', numbers: ['+16155550123'] })
  t.match(await run(['restore', copy]), { code: 1, stderr: /is active/ }, 'one in use is left alone')

  await opened.tenancy.drain(id)
  await ground.admin.query(`DROP DATABASE tenant_${id} WITH (FORCE)`)
  await ground.admin.query(`DROP ROLE tenant_${id}`)
  const elsewhere = await makeRegistry(t)
  t.match(await runCli(elsewhere.registryUrl, ['tenants', 'restore', copy], { settings: { DATA_DIR: folder } }), { code: 0, stdout: /is active/ })
  t.strictSame(await contents(), wanted)
  const { rows } = await elsewhere.sql.query<object>('SELECT email_hash IS NOT NULL AS indexed FROM admin_email_index WHERE tenant_id = $1', [id])
  t.strictSame(rows, [{ indexed: true }], 'its admin can sign in there')
})

void t.test('a file that is changed, cut short, or under another master key is refused and changes nothing', async (t) => {
  const { folder, id, run, ground } = await prepare(t)
  const copy = join(folder, 'copy.koinonia')
  t.equal((await run(['archive', id, '--to', copy])).code, 0)
  const content = await readFile(copy)
  const state = async () => (await ground.sql.query<object>('SELECT (SELECT json_agg(t) FROM tenants t) AS tenants, (SELECT json_agg(o.status) FROM tenant_operations o) AS operations, (SELECT count(*) FROM tenant_backups) AS files')).rows
  const before = await state()
  const changed = Buffer.from(content)
  changed[content.length >> 1] = (changed[content.length >> 1] ?? 0) ^ 1
  const broken = join(folder, 'broken.koinonia')
  for (const [bytes, reason] of [[changed, /damaged, or somebody has changed it/], [content.subarray(0, -1), /cut short/], [Buffer.from('not one'), /no archive of Koinonia/]] as const) {
    await writeFile(broken, bytes)
    t.match(await run(['restore', broken]), { code: 1, stdout: '', stderr: reason })
  }
  t.match(await run(['restore', copy], { MASTER_KEY: createHash('sha256').update('another').digest('base64') }), { code: 1, stderr: /another MASTER_KEY/ })
  t.strictSame(await state(), before)
  t.equal((await run(['restore', id])).code, 0)
})
