// kill -9 at every step of making and unmaking a tenant: afterwards nothing of it is left, and signing up works.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type ProvisioningStep } from '../../src/tenancy/provisioning.js'
import { makeRegistry, marked, newAdmin, newChurch, openProvisioner } from '../helpers/provisioning-ground.js'

const program = fileURLToPath(new URL('sign-up-process.js', import.meta.url))

const cold: ProvisioningStep[] = ['registered', 'role-created', 'database-creating', 'database-created', 'database-owned', 'database-migrated', 'ready']
const undone: ProvisioningStep[] = ['undo-begun', 'database-dropped', 'role-dropped', 'row-deleted']
/** `meanwhile`: what makes the spare one to be renewed, or to be dropped. */
const deaths: Array<{ act: string, withSpare: boolean, meanwhile?: string, steps: string[] }> = [
  { act: 'sign-up', withSpare: false, steps: [...cold, 'filled'] },
  { act: 'sign-up', withSpare: true, steps: ['claimed', 'filled'] },
  { act: 'make-spare', withSpare: false, steps: ['registered', 'database-created', 'ready'] },
  { act: 'make-spare', withSpare: true, meanwhile: 'UPDATE tenants SET schema_version = schema_version - 1 WHERE status = \'spare\'', steps: ['registered', 'database-migrated', 'ready'] },
  { act: 'make-spare', withSpare: true, meanwhile: 'UPDATE database_servers SET state = \'draining\'', steps: ['undo-begun', 'role-dropped'] },
  { act: 'abandon', withSpare: true, steps: undone }
]

async function killed (t: Pick<Test, 'equal'>, ...args: string[]): Promise<void> {
  const child = fork(program, args, { stdio: 'inherit' })
  const [code, signal] = await once(child, 'exit') as [number | null, string | null]
  t.equal(signal, 'SIGKILL', `${args.slice(1).join(', ')} was killed, not ended with ${String(code)}`)
}

// Some twenty processes are started and killed.
t.setTimeout(180_000)

void t.test('kill -9 at every step of a sign-up leaves no half tenant, no orphan and no blocked e-mail', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 })
  await provisioner.reconcile()
  const { rows: [identity] } = await ground.sql.query<{ id: string }>(
    'INSERT INTO registry_identity (lives_in) VALUES (\'\') ON CONFLICT (only_row) DO UPDATE SET lives_in = registry_identity.lives_in RETURNING id')
  const left = async () => {
    const { rows: [counts] } = await ground.sql.query<Record<string, number>>(`SELECT (SELECT count(*)::int FROM tenants WHERE status <> 'spare') AS tenants, (SELECT count(*)::int FROM organizations) AS organizations,
      (SELECT count(*)::int FROM admin_email_index) AS emails`)
    return { ...counts, roles: (await marked(ground.admin, identity!.id)).length, databases: await databases() }
  }
  const databases = async () => (await ground.admin.query<object>(`SELECT FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
    WHERE shobj_description(r.oid, 'pg_authid') = $1`, [`koinonia registry ${identity!.id}`])).rows.length
  for (const { act, withSpare, meanwhile = 'SELECT', steps } of deaths) {
    for (const step of steps) {
      if (withSpare) await provisioner.refillSpares()
      await ground.sql.query(meanwhile)
      await killed(t, ground.registryUrl, act, step)
      await ground.sql.query('UPDATE database_servers SET state = \'open\'')
      await ground.sql.query('UPDATE tenants SET provisioning_expires_at = now() - interval \'1 second\' WHERE status = \'creating\'')
      const report = await provisioner.reconcile()
      t.strictSame(report.findings, [], `${act} killed at ${step}`)
      t.strictSame(await left(), { tenants: 0, organizations: 0, emails: 0, roles: 0, databases: 0 }, `${act} killed at ${step}`)
    }
  }
  await provisioner.activate(await provisioner.reserve(newChurch()), newAdmin('cut@example.org'))
  t.match(await left(), { tenants: 1, organizations: 1, emails: 1 })
})

void t.test('a sign-up killed right after its activation is a customer, untouched by the reconciler', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner, tenancy } = await openProvisioner(t, ground.registryUrl, { SPARE_TENANTS: 1 })
  await killed(t, ground.registryUrl, 'sign-up', 'activated')
  t.match(await provisioner.reconcile(), { undone: [], orphansDropped: [], findings: [], unfinished: 0 })
  const { rows: [tenant] } = await ground.sql.query<{ id: string }>('SELECT id FROM tenants WHERE status = \'active\'')
  const email = await tenancy.withTenant(tenant!.id as Parameters<typeof tenancy.withTenant>[0], (db) => db.selectFrom('admins').select('email').executeTakeFirst())
  t.strictSame(email, { email: 'cut@example.org' })
})

void t.test('a sign-up that somebody is still at work on is left alone', async (t) => {
  const ground = await makeRegistry(t)
  const [mine, other] = await Promise.all([openProvisioner(t, ground.registryUrl), openProvisioner(t, ground.registryUrl)])
  const reservation = await mine.provisioner.reserve(newChurch())
  t.match(await other.provisioner.reconcile(), { undone: [], unfinished: 1 })
  await mine.provisioner.activate(reservation, newAdmin())
  t.match(await other.provisioner.reconcile(), { undone: [], unfinished: 0 })
})
