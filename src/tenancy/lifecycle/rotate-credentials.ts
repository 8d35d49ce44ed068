// Gives a tenant's database role its next password, while requests go on.
import { sql } from 'kysely'
import { Type } from 'typebox'
import { problem } from '../../errors.js'
import { tenantPassword } from '../credentials.js'
import { changeRolePassword } from '../roles.js'
import { defineSaga } from './saga.js'

const state = Type.Object({
  /** The new credential version. */
  version: Type.Optional(Type.Integer())
})

/**
 * The server first, then the registry: in between, and until it has heard of the change, a process whose password is refused tries
 * the next version's. Open connections stay and drain. Never undone: nobody can tell whether the server has the new one already.
 */
export const rotateSaga = defineSaga({
  kind: 'rotate',
  state,
  async admit (trx, tenantId) {
    const tenant = await trx.selectFrom('tenants').select(['status', 'credential_version']).where('id', '=', tenantId).forUpdate().executeTakeFirst()
    if (tenant === undefined) throw problem('TENANT_NOT_FOUND', { detail: `No tenant has the id ${tenantId}. List them with: koinonia tenants list` })
    if (tenant.status !== 'active' && tenant.status !== 'suspended') {
      throw problem('TENANT_STATUS_CONFLICT', { detail: `The organization is ${tenant.status}; only one that is active or suspended has a password to change.` })
    }
    return { version: tenant.credential_version + 1 }
  },
  steps: [{
    name: 'password-changed',
    final: true,
    async run ({ work, tenant }, { version }) {
      if (version === undefined) throw new Error('The operation does not say which version comes next')
      const password = tenantPassword(work.keyring, { ...tenant, credentialVersion: version })
      await work.servers.connect(tenant.server.name, (client) => changeRolePassword(client, tenant.roleName, password))
      // Sessions that a pooler opens from now on need it; without us it would learn it from whoever hears of it first.
      await work.servers.signInToPooler(tenant.server.name, tenant, password)
        .catch((error: unknown) => { work.log.warn({ err: error, tenantId: tenant.id }, 'the pooler could not be told of a new password') })
      return undefined
    }
  }],
  async complete (trx, tenantId, { version }) {
    if (version === undefined) throw new Error('The operation does not say which version comes next')
    await trx.updateTable('tenants').set({ credential_version: version, updated_at: sql<Date>`now()` }).where('id', '=', tenantId).execute()
  },
  withdraw: async () => undefined
})
