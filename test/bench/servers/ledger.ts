// The peer of webhook ingress: Fastify and one bare INSERT a request; nothing is verified, nothing is known to have come before.
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import pg from 'pg'
import { serveUntilAsked } from './peer.js'

const { database } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as { database: string }
const pool = new pg.Pool({ connectionString: database, application_name: 'peer', max: 10 })
// A status token is longer than the 100 characters that are let through by default.
const app = Fastify({ routerOptions: { maxParamLength: 500 } })

app.removeAllContentTypeParsers()
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })

const response = { 200: { type: 'object', properties: { received: { type: 'boolean' } } } }
app.post<{ Params: { token: string }, Body: Buffer }>('/webhooks/telnyx/status/:token', { schema: { response } }, async ({ params, body }) => {
  const { data } = JSON.parse(body.toString('utf8')) as { data: { id: string } }
  await pool.query({ name: 'insert', text: "INSERT INTO webhook_events (provider, event_id, route_token, payload) VALUES ('telnyx', $1, $2, $3)", values: [data.id, params.token, body] })
  return { received: true }
})

await serveUntilAsked(app)
