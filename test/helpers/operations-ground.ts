// A registry, a provisioner and the operations over them, with files in a folder; tenants are made through the provisioner.
import { join } from 'node:path'
import { type Config } from '../../src/config.js'
import { createFileStorage } from '../../src/providers/storage/file-storage.js'
import { Operations } from '../../src/tenancy/lifecycle/operations.js'
import { type RunnerServices } from '../../src/tenancy/lifecycle/run-operation.js'
import { type Saga } from '../../src/tenancy/lifecycle/saga.js'
import { type ProvisionerOptions } from '../../src/tenancy/provisioner.js'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { newAdmin, newChurch, openProvisioner } from './provisioning-ground.js'

interface Teardown { teardown: (run: () => Promise<void>) => unknown }

interface Options { onStep?: RunnerServices['onStep'], onProvisioning?: ProvisionerOptions['onStep'], sagas?: readonly Saga[], TENANT_SERVERS?: string, settings?: Partial<Config> }

/** `files`: the folder of what the operations keep; the same for every process of one test. */
export async function openOperations (t: Teardown, registryUrl: string, files: string, { onStep = () => undefined, onProvisioning = () => undefined, sagas, TENANT_SERVERS, settings = {} }: Options = {}) {
  const opened = await openProvisioner(t, registryUrl, { SPARE_TENANTS: 0, ...(TENANT_SERVERS === undefined ? {} : { TENANT_SERVERS }), ...settings }, { onStep: onProvisioning })
  const { provisioner, tenancy } = opened
  const media = createFileStorage(join(files, 'media'))
  const archives = createFileStorage(join(files, 'backups'))
  const operations = new Operations({ work: provisioner.work, drain: (id) => tenancy.drain(id), media, archives, spool: join(files, 'spool'), onStep }, sagas)
  const forFiles = { registry: opened.registry.db, operations, provisioner, archives, spool: join(files, 'spool') }
  return { ...opened, operations, media, archives, forFiles }
}

/** An active organization with one admin, whose e-mail is in the index. */
export async function makeTenant ({ provisioner, tenancy }: Pick<Awaited<ReturnType<typeof openOperations>>, 'provisioner' | 'tenancy'>, name = 'Grace Chapel'): Promise<TenantId> {
  const reservation = await provisioner.reserve(newChurch(name))
  const { id } = reservation.tenant
  const { db, release } = await tenancy.leaseOf(reservation.tenant)
  const admin = await db.insertInto('admins').values({ email: `${id}@example.org`, password_hash: 'none', first_name: 'Ana', last_name: 'Reyes', role: 'primary' }).returning('id').executeTakeFirstOrThrow()
  release()
  await provisioner.activate(reservation, { ...newAdmin(`${id}@example.org`), id: admin.id })
  return id
}
