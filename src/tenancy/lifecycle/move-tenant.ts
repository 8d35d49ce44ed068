// Moves a tenant's database to another server: read throughout, not written to while it is copied, then used there and dropped here.
import { sql } from 'kysely'
import { Type } from 'typebox'
import { problem } from '../../errors.js'
import { type RegistryDb, type RegistryTrx } from '../../registry/db.js'
import { makeDatabase } from '../create-database.js'
import { type Provisioning } from '../provisioning.js'
import { type DatabaseServer, type Tenant, type TenantId } from '../tenant.js'
import { selectTenants } from '../tenant-rows.js'
import { dropFromServer } from '../undo-tenant.js'
import { actAs, copyDatabase } from './copy-database.js'
import { allowWrites, awaitDeparture, refuseWrites } from './read-only.js'
import { defineSaga, type OperationContext } from './saga.js'
import { refuseNewerSchema } from './schema-fits.js'

/** What is being written when the move begins gets so long to end before it is cut. */
const WRITERS_MS = 5_000
/** What still reads the old database when the new one is in use gets so long. */
const READERS_MS = 10_000

const state = Type.Object({
  /** Names of servers. */
  to: Type.String(),
  from: Type.Optional(Type.String()),
  /** ISO 8601, by the registry's clock. */
  refusedFrom: Type.Optional(Type.String()),
  /** How long writes were refused, in milliseconds. */
  refusedMs: Type.Optional(Type.Number())
})

interface State { to: string, from?: string, refusedFrom?: string, refusedMs?: number }

export const moveSaga = defineSaga({
  kind: 'move',
  state,
  admit,
  steps: [
    { name: 'target-made', run: makeTarget, undo: dropTarget },
    { name: 'writes-refused', run: stopWriting, undo: goOnWriting },
    { name: 'copied', run: copy },
    { name: 'switched', final: true, run: switchOver },
    { name: 'source-dropped', run: dropSource }
  ],
  complete: async () => undefined,
  withdraw: async (trx, tenantId) => { await endMoving(trx, tenantId) }
})

/** A suspended one is moved as it is: nobody reads it meanwhile. */
async function admit (trx: RegistryTrx, tenantId: TenantId, { to }: State): Promise<Partial<State>> {
  const tenant = await selectTenants(trx).where('tenants.id', '=', tenantId).forUpdate('tenants').executeTakeFirst()
  if (tenant === undefined) throw problem('TENANT_NOT_FOUND', { detail: `No tenant has the id ${tenantId}. List them with: koinonia tenants list` })
  if (tenant.status !== 'active' && tenant.status !== 'suspended') {
    throw problem('TENANT_STATUS_CONFLICT', { detail: `The organization is ${tenant.status}; only one that is active or suspended can be moved.` })
  }
  await refuseNewerSchema(trx, tenantId)
  const server = await findServer(trx, to)
  if (server.name === tenant.server_name) throw problem('SERVER_UNSUITABLE', { detail: `The organization is on ${to} already.` })
  if (server.state !== 'open') throw problem('SERVER_UNSUITABLE', { detail: `${to} is ${server.state}: it takes no organizations.` })
  return { from: tenant.server_name }
}

async function findServer (registry: RegistryDb | RegistryTrx, name: string) {
  const server = await registry.selectFrom('database_servers').select(['id', 'name', 'host', 'port', 'state']).where('name', '=', name).executeTakeFirst()
  if (server === undefined) throw problem('SERVER_UNSUITABLE', { detail: `There is no database server ${name}. TENANT_SERVERS names those there are.` })
  return server
}

/** The tenant as it would be there. Never where it is: what follows from this may be dropped. */
async function targetOf ({ work, tenant }: OperationContext, { to }: State): Promise<Tenant> {
  if (tenant.server.name === to) throw new Error(`Tenant ${tenant.id} is on ${to}: that is not the other server`)
  const { id, name, host, port } = await findServer(work.registry, to)
  return { ...tenant, server: { id, name, host, port } satisfies DatabaseServer }
}

async function makeTarget (context: OperationContext, given: State): Promise<undefined> {
  await makeDatabase(context.work, await targetOf(context, given), () => context.confirm(), context.tenant.schemaVersion)
}

async function dropTarget (context: OperationContext, given: State): Promise<void> {
  const target = await targetOf(context, given)
  await context.work.servers.connect(target.server.name, (client) => dropFromServer(dropping(context), client, target))
}

const dropping = ({ work, at }: OperationContext) => ({ identity: work.identity, onStep: (step: string) => at(step) })

async function stopWriting (context: OperationContext): Promise<Partial<State>> {
  const { work, tenant, drain, signal } = context
  return await work.servers.connect(tenant.server.name, async (client) => {
    const moment = await refuseWrites(client, tenant)
    await context.at('read-only')
    const { rows: [now] } = await sql<{ now: string }>`SELECT clock_timestamp()::text AS now`.execute(work.registry)
    // Every process hears of it and opens its connections anew. One suspended meanwhile stays so.
    await work.registry.updateTable('tenants').set({ status: 'moving', updated_at: sql<Date>`now()` }).where('id', '=', tenant.id).where('status', '=', 'active').execute()
    // What this process has open is cut like any other when it takes too long.
    void drain(tenant.id)
    const cut = await awaitDeparture(client, tenant, { moment, limitMs: WRITERS_MS, pooled: work.servers.isPooled(tenant.server.name), signal })
    if (cut > 0) work.log.warn({ tenantId: tenant.id, connections: cut }, 'connections that still wrote when the move began were cut')
    return now === undefined ? {} : { refusedFrom: now.now }
  })
}

async function goOnWriting ({ work, tenant, signal }: OperationContext): Promise<void> {
  const pooled = work.servers.isPooled(tenant.server.name)
  await work.servers.connect(tenant.server.name, async (client) => {
    const moment = await allowWrites(client, tenant)
    // Ours are closed when they are seen to be of no use; a pooler would keep its own.
    if (pooled) await awaitDeparture(client, tenant, { moment, limitMs: WRITERS_MS, pooled, signal })
  })
}

async function copy (context: OperationContext, given: State): Promise<undefined> {
  await copyDatabase(context.work, { from: context.tenant, to: await targetOf(context, given) }, context)
}

/** From here on it lives there. */
async function switchOver (context: OperationContext, { to, refusedFrom }: State): Promise<Partial<State>> {
  const { work, tenant } = context
  const { id } = await findServer(work.registry, to)
  await work.registry.updateTable('tenants')
    .set({ server_id: id, status: sql`CASE status WHEN 'moving' THEN 'active' ELSE status END`, updated_at: sql<Date>`now()` })
    .where('id', '=', tenant.id).execute()
  const { rows: [took] } = await sql<{ ms: number }>`SELECT (extract(epoch FROM clock_timestamp() - ${refusedFrom ?? null}::timestamptz) * 1000)::float8 AS ms`.execute(work.registry)
  void context.drain(tenant.id)
  return took === undefined ? {} : { refusedMs: Math.round(took.ms) }
}

async function dropSource (context: OperationContext, { from }: State): Promise<undefined> {
  const { work, tenant, signal } = context
  if (from === undefined || tenant.server.name === from) throw new Error(`Tenant ${tenant.id} still lives on ${from ?? 'an unknown server'}`)
  await analyze(work, tenant)
  await context.confirm()
  await work.servers.connect(from, async (client) => {
    await awaitDeparture(client, tenant, { limitMs: READERS_MS, pooled: work.servers.isPooled(from), signal })
    await dropFromServer(dropping(context), client, tenant)
  })
}

/** Without statistics PostgreSQL plans badly until its own maintenance comes by. */
async function analyze (work: Provisioning, tenant: Tenant): Promise<void> {
  await work.servers.connect(tenant.server.name, async (client) => {
    await actAs(client, tenant)
    await client.query('SET statement_timeout = \'10min\'; ANALYZE')
  }, tenant.databaseName)
}

async function endMoving (trx: RegistryTrx, tenantId: TenantId): Promise<void> {
  await trx.updateTable('tenants').set({ status: 'active', updated_at: sql<Date>`now()` }).where('id', '=', tenantId).where('status', '=', 'moving').execute()
}
