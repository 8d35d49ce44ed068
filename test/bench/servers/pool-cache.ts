// The peer: Fastify and a plain cache of 100 pools, each of 2 connections or as many as it is told, the least used one ended when another
// is needed. No authentication.
import Fastify from 'fastify'
import { LRUCache } from 'lru-cache'
import pg from 'pg'
import { Member } from '../../../src/features/members/schemas.js'
import { type PeerRow, phone, serveUntilAsked } from './peer.js'

const { databases, sql, each = 2, prepare = true } = JSON.parse(process.argv[2] ?? '') as { databases: Record<string, string>, sql: string, each?: number, prepare?: boolean }
const pools = new LRUCache<string, pg.Pool>({ max: 100, dispose: (pool) => { void pool.end() } })
const statement = prepare ? { name: 'member', text: sql } : { text: sql }
const app = Fastify()

app.get<{ Params: { id: string }, Headers: { 'x-tenant': string } }>('/api/members/:id', { schema: { response: { 200: Member } } }, async (request, reply) => {
  const { rows: [row] } = await poolOf(request.headers['x-tenant']).query<PeerRow>({ ...statement, values: [request.params.id] })
  if (row === undefined) return reply.status(404).send()
  row.phone = phone
  return row
})

function poolOf (tenant: string): pg.Pool {
  let pool = pools.get(tenant)
  if (pool === undefined) {
    pool = new pg.Pool({ connectionString: databases[tenant], application_name: 'peer', max: each })
    pool.on('error', () => undefined)
    pools.set(tenant, pool)
  }
  return pool
}

await serveUntilAsked(app)
