// The peer: Fastify and a plain cache of pools, 100 of 2 connections each unless it is told otherwise, the least used one ended when
// another is needed. No authentication.
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import { LRUCache } from 'lru-cache'
import pg from 'pg'
import { Member } from '../../../src/features/members/schemas.js'
import { type PeerRow, phone, serveUntilAsked } from './peer.js'
import { type PoolCacheSettings } from './pool-cache-settings.js'

// What is not told is as pg has it by itself.
const { databases, sql, pools: max = 100, each = 2, idleMs = 10_000, prepare = true, name } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as PoolCacheSettings
const pools = new LRUCache<string, pg.Pool>({ max, dispose: (pool) => { void pool.end() } })
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
    pool = new pg.Pool({ connectionString: databases[tenant], application_name: name, max: each, idleTimeoutMillis: idleMs })
    pool.on('error', () => undefined)
    pools.set(tenant, pool)
  }
  return pool
}

await serveUntilAsked(app)
