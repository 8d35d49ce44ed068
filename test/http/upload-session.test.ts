// An upload is read only from who may make it: the session, the organization and the role are looked at before the first byte.
import { request } from 'node:http'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import t from 'tap'
import { buildTestApp } from '../helpers/build.js'
import { type SignedUp } from '../helpers/sign-up.js'
import { until } from '../helpers/until.js'

const test = await buildTestApp(t, { listen: true })
const { app, services, baseUrl, signUp } = test
const uploads = ['/api/media', '/api/members/imports']

/** Sends the beginning of an upload and never its end. */
async function begin (path: string, { headers }: SignedUp): Promise<{ status: number | undefined, code: string, connection: string | undefined }> {
  return await new Promise((resolve, reject) => {
    const sending = request(`${baseUrl}${path}`, { method: 'POST', headers: { ...headers, 'content-type': 'multipart/form-data; boundary=edge' } }, (response) => {
      json(response).then((body) => {
        resolve({ status: response.statusCode, code: (body as { code: string }).code, connection: response.headers.connection })
        sending.destroy()
      }, reject)
    })
    sending.on('error', reject)
    sending.write('--edge\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\nphone\r\n')
  })
}

const filesIn = async (folder: string) => await readdir(join(services.config.DATA_DIR, folder), { recursive: true }).catch(() => [])
const incoming = async () => [...await filesIn('media/incoming'), ...await filesIn('imports')]

for (const path of uploads) {
  await t.test(`${path} reads nothing for a session that has ended, in whichever process`, async (t) => {
    const church = await signUp()
    const other = await test.anotherProcess()
    t.equal((await other.app.inject({ method: 'POST', url: '/api/auth/logout', headers: church.headers })).statusCode, 204)
    t.strictSame(await begin(path, church), { status: 401, code: 'SESSION_REVOKED', connection: 'close' })
    t.strictSame(await incoming(), [])
  })

  await t.test(`${path} reads nothing for a suspended organization`, async (t) => {
    const church = await signUp()
    await services.provisioner.suspend(church.tenantId)
    await until(async () => (await app.inject({ url: '/api/tags', headers: church.headers })).statusCode === 403)
    t.strictSame(await begin(path, church), { status: 403, code: 'TENANT_SUSPENDED', connection: 'close' })
    t.strictSame(await incoming(), [])
  })
}

await t.test('an import is read from those alone whose role allows it', async (t) => {
  const church = await signUp()
  await services.tenancy.withTenant(church.tenantId, async (db) => { await db.updateTable('admins').set({ role: 'staff' }).execute() })
  t.match(await begin('/api/members/imports', church), { status: 403, code: 'ROLE_INSUFFICIENT' })
  t.strictSame(await incoming(), [])
})
