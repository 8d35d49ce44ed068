import { randomBytes } from 'node:crypto'
import t from 'tap'
import { ensureOwner, SCRATCH_OWNER } from '../../src/tenancy/template.js'
import { connect, makeRegistry, openProvisioner } from '../helpers/provisioning-ground.js'
import { testServer } from '../helpers/test-server.js'

void t.test('a new tenant takes over its clone of the template, and no database in which somebody is at work', async (t) => {
  const { adminUrl } = await testServer()
  const admin = await connect(adminUrl)
  t.teardown(() => admin.end())
  const name = `scratch_${randomBytes(4).toString('hex')}`
  await ensureOwner(admin, SCRATCH_OWNER)
  await admin.query(`CREATE DATABASE ${name} OWNER ${SCRATCH_OWNER}`)
  t.teardown(() => admin.query(`DROP DATABASE ${name}`))

  const { registryUrl } = await makeRegistry(t)
  const { provisioner } = await openProvisioner(t, registryUrl, { SPARE_TENANTS: 1 })
  t.strictSame(await provisioner.refillSpares(), { made: 1, failed: 0 })

  const { rows } = await admin.query('SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1', [name])
  t.strictSame(rows, [{ owner: SCRATCH_OWNER }])
})
