// GET /sandbox: the page of phones, and its script and style.
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { ControlError } from './control-error.js'
import { sandboxRoute } from './sandbox-route.js'
import { readParam } from './read-request.js'

/** The compiler copies no assets: seen from dist/src/sandbox/carrier, this is the folder in the sources. */
const folder = new URL('../../../../src/sandbox/carrier/page/', import.meta.url)

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}

const headers = {
  'cache-control': 'no-cache',
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff'
}

export function pageRoutes (app: FastifyInstance): void {
  const files = new Map(readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]))

  app.get('/', sandboxRoute, async (_request, reply) => reply.headers(headers).type('text/html; charset=utf-8').send(files.get('phones.html')))

  app.get('/page/:file', sandboxRoute, async (request, reply) => {
    const name = readParam(request, 'file')
    const content = files.get(name)
    if (content === undefined) throw new ControlError(404, 'Not found', 'The phone page has no such file.')
    return reply.headers(headers).type(types[extname(name)] ?? 'text/plain').send(content)
  })
}
