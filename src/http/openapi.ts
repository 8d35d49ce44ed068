// The API's own description: OpenAPI 3.1 from the same schemas that check every request, and a page to read it.
import swagger from '@fastify/swagger'
import scalar from '@scalar/fastify-api-reference'
import { type FastifyInstance, type FastifySchema, type RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { type ProblemCode } from '../errors.js'
import { completeDocument } from './complete-openapi.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Problems that this route may answer, besides those every route of its scope may. */
    errors?: readonly ProblemCode[]
  }
}

const tags = [
  { name: 'auth', description: 'Sign-up, sign-in and sessions.' },
  { name: 'admins', description: 'The people who run the organization.' },
  { name: 'members', description: 'The people you text, and their consent.' },
  { name: 'branches', description: 'Campuses of a church, locations of a studio.' },
  { name: 'quiet hours', description: 'When broadcasts may leave, on the recipients\' own clocks.' },
  { name: 'recurring messages', description: 'Texts that leave again and again, by a rule of the calendar.' },
  { name: 'tags', description: 'Labels on members, to choose whom a message goes to.' },
  { name: 'topics', description: 'What people consent to hear of.' },
  { name: 'segments', description: 'Saved filters on members, to choose whom a message goes to.' },
  { name: 'templates', description: 'Texts to use again, with variables.' },
  { name: 'numbers', description: 'The phone numbers you text from.' },
  { name: 'settings', description: 'What the organization says by itself.' },
  { name: 'keywords', description: 'Words that people text, and what happens then.' },
  { name: 'messages', description: 'Texts to many, and what became of each.' },
  { name: 'dead letters', description: 'What needs a person: texts of unknown fate, and events that could not be worked off.' },
  { name: 'conversations', description: 'The inbox: what people text back, and your replies to one person.' },
  { name: 'media', description: 'Pictures and files: what you send, and what people send you.' },
  { name: 'events', description: 'What happens, as it happens.' },
  { name: 'health', description: 'For load balancers and orchestrators.' },
  { name: 'webhooks', description: 'For the carrier, which signs what it posts.' }
]

const description = `Text the members of a church or a fitness studio, and hold the conversations that come back.

**Errors** are RFC 9457 problem documents: decide by \`code\`, show \`detail\`, quote \`requestId\` to support. Each operation lists the codes it may answer.

**Lists** come in pages of \`limit\` items: pass \`nextCursor\` as \`cursor\` until it is null.

**Repeating a POST** is safe with an \`Idempotency-Key\`: for 24 hours the same key and request get the first answer, and nothing is done twice.`

/** The page asks nothing of other hosts, so it works on a machine without the internet. */
const readingOnly = {
  url: '/openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: 'never' as const,
  favicon: 'data:,'
}

/**
 * Names problems that routes of a scope may answer, for the description. Call it before the routes are registered.
 * `documented`: which routes, all by default.
 */
export function everyRouteMayAnswer (scope: FastifyInstance, codes: readonly ProblemCode[], documented: (route: RouteOptions) => boolean = () => true): void {
  scope.addHook('onRoute', (route) => {
    if (documented(route)) route.config = { ...route.config, errors: [...codes, ...(route.config?.errors ?? [])] }
  })
}

export const openapi = fp(async (app: FastifyInstance) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Koinonia', version: '0.1.0', description, license: { name: 'MIT', identifier: 'MIT' } },
      tags,
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'accessToken of POST /api/auth/register or /api/auth/login.' },
          cookie: { type: 'apiKey', in: 'cookie', name: 'koinonia_access', description: 'Set at sign-in; unsafe methods also need the X-CSRF-Token header.' }
        }
      }
    },
    transform: ({ schema, url, route }) => ({ schema: withProblems(schema, route), url: withoutEndSlash(url) }),
    transformObject: (found) => 'openapiObject' in found ? completeDocument(found.openapiObject) : {}
  })
}, { name: 'openapi' })

export async function documentationRoutes (app: FastifyInstance): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  await app.register(async (docs) => {
    docs.addHook('onSend', (_request, reply, payload, done) => {
      reply.header('content-security-policy', "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'")
      done(null, payload)
    })
    await docs.register(scalar, { routePrefix: '/docs', configuration: readingOnly })
  })
}

/** Fastify serves both spellings of a scope's root; one is enough to know. */
function withoutEndSlash (url: string): string {
  return url.length > 1 && url.endsWith('/') ? url.slice(0, -1) : url
}

/** Leaves the codes where completeDocument finds them. */
function withProblems (schema: FastifySchema | undefined, route: RouteOptions): FastifySchema {
  const takesBody = route.method !== 'GET' && route.method !== 'HEAD'
  const isChecked = schema?.body !== undefined || schema?.querystring !== undefined || schema?.params !== undefined
  const codes = new Set<ProblemCode>([
    ...(isChecked ? ['VALIDATION_FAILED' as const] : []),
    ...(takesBody ? ['BODY_MALFORMED', 'BODY_TOO_LARGE', 'CONTENT_TYPE_UNSUPPORTED'] as const : []),
    ...route.config?.errors ?? [],
    'INTERNAL_ERROR'
  ])
  return { ...schema, 'x-problems': [...codes] } as FastifySchema
}
