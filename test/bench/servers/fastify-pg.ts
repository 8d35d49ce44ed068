// The peer: Fastify and pg with a named statement on one database; no tenancy, no authentication, nothing to decrypt.
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import pg from 'pg'
import { Member } from '../../../src/features/members/schemas.js'
import { type PeerRow, phone, serveUntilAsked } from './peer.js'

const { database, sql } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as { database: string, sql: string }
const pool = new pg.Pool({ connectionString: database, application_name: 'peer', max: 10 })
const app = Fastify()

app.get<{ Params: { id: string } }>('/api/members/:id', { schema: { response: { 200: Member } } }, async (request, reply) => {
  const { rows: [row] } = await pool.query<PeerRow>({ name: 'member', text: sql, values: [request.params.id] })
  if (row === undefined) return reply.status(404).send()
  row.phone = phone
  return row
})

await serveUntilAsked(app)
