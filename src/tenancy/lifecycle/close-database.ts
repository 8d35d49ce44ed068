// Keeps everybody out of a tenant's database, by PostgreSQL itself: a process that has not heard of it yet is refused there.
import { setTimeout as pause } from 'node:timers/promises'
import { type ClientBase, escapeIdentifier } from 'pg'
import { allowActingAs } from '../roles.js'
import { endIdle } from './read-only.js'
import { type OperationContext } from './saga.js'

/** How long requests in flight get to finish, in milliseconds. */
const PATIENCE_MS = 5_000
const LOOK_EVERY_MS = 100

/** Resolves when the tenant's role has no connection left and can't open one. The tenant's status must refuse requests already. */
export async function closeDatabase ({ work, tenant, drain, confirm }: OperationContext): Promise<void> {
  const pooled = work.servers.isPooled(tenant.server.name)
  await confirm()
  await work.servers.connect(tenant.server.name, async (client) => {
    await allowActingAs(client, tenant.roleName)
    await client.query(`ALTER ROLE ${escapeIdentifier(tenant.roleName)} NOLOGIN`)
    void drain(tenant.id)
    for (let waited = 0; waited < PATIENCE_MS && await count(client, tenant.roleName) > 0; waited += LOOK_EVERY_MS) {
      if (pooled) await endIdle(client, tenant)
      await pause(LOOK_EVERY_MS)
    }
    await client.query('SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1', [tenant.roleName])
    const left = await count(client, tenant.roleName)
    if (left > 0) throw new Error(`${left} connections of ${tenant.roleName} could not be ended.`)
  })
}

/** Idempotent; a role that is not there any more is no error. */
export async function openDatabase ({ work, tenant }: OperationContext): Promise<void> {
  await work.servers.connect(tenant.server.name, async (client) => {
    const { rows } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [tenant.roleName])
    if (rows.length > 0) await client.query(`ALTER ROLE ${escapeIdentifier(tenant.roleName)} LOGIN`)
  })
}

async function count (client: ClientBase, role: string): Promise<number> {
  const { rows: [found] } = await client.query<{ count: number }>('SELECT count(*)::integer AS count FROM pg_stat_activity WHERE usename = $1', [role])
  return found?.count ?? 0
}
