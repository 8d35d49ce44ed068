// The API's own description: OpenAPI 3.1 from the same schemas that check every request, and a page to read it.
import { STATUS_CODES } from 'node:http'
import swagger from '@fastify/swagger'
import scalar from '@scalar/fastify-api-reference'
import { type FastifyInstance, type FastifySchema } from 'fastify'
import fp from 'fastify-plugin'
import { describeProblem, type ProblemCode } from '../errors.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Problems that this route may answer, besides those every route of its scope may. */
    errors?: readonly ProblemCode[]
  }
}

const problemSchema = {
  type: 'object',
  description: 'An RFC 9457 problem document.',
  required: ['type', 'title', 'status', 'code', 'detail', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable: what programs decide by.' },
    detail: { type: 'string', description: 'What went wrong and what to do next, for people.' },
    requestId: { type: 'string' },
    errors: {
      type: 'array',
      description: 'Each field that is not valid.',
      items: { type: 'object', required: ['path', 'message'], properties: { path: { type: 'string' }, message: { type: 'string' } } }
    }
  }
}

/** Problems that every route of a scope may answer: names them on each, where the description finds them. */
export function everyRouteMayAnswer (scope: FastifyInstance, codes: readonly ProblemCode[]): void {
  scope.addHook('onRoute', (route) => {
    route.config = { ...route.config, errors: [...codes, ...(route.config?.errors ?? [])] }
  })
}

export const openapi = fp(async (app: FastifyInstance) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Koinonia', version: '0.1.0', description: 'Text the members of a church or a fitness studio, and hold the conversations that come back.' },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'accessToken of POST /api/auth/register or /api/auth/login.' },
          cookie: { type: 'apiKey', in: 'cookie', name: 'koinonia_access', description: 'Set at sign-in; unsafe methods also need the X-CSRF-Token header.' }
        }
      }
    },
    transform: ({ schema, url, route }) => ({ schema: withProblems(schema, route.config?.errors ?? []), url })
  })
}, { name: 'openapi' })

export async function documentationRoutes (app: FastifyInstance): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  await app.register(async (docs) => {
    docs.addHook('onSend', (_request, reply, payload, done) => {
      reply.header('content-security-policy', "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'")
      done(null, payload)
    })
    await docs.register(scalar, { routePrefix: '/docs', configuration: { url: '/openapi.json', withDefaultFonts: false, telemetry: false } })
  })
}

function withProblems (schema: FastifySchema | undefined, codes: readonly ProblemCode[]): FastifySchema {
  const all = new Set<ProblemCode>(['INTERNAL_ERROR', ...codes, ...(schema?.body === undefined && schema?.querystring === undefined && schema?.params === undefined ? [] : ['VALIDATION_FAILED' as const])])
  const byStatus = new Map<number, Array<{ code: ProblemCode, detail: string }>>()
  for (const code of all) {
    const { status, detail } = describeProblem(code)
    byStatus.set(status, [...byStatus.get(status) ?? [], { code, detail }])
  }
  const problems = Object.fromEntries([...byStatus].map(([status, entries]) => [status, {
    description: entries.map(({ code }) => code).join(', '),
    content: {
      'application/problem+json': {
        schema: { ...problemSchema, properties: { ...problemSchema.properties, code: { type: 'string', enum: entries.map(({ code }) => code) } } },
        examples: Object.fromEntries(entries.map(({ code, detail }) => [code, { value: { type: 'about:blank', title: STATUS_CODES[status], status, code, detail, requestId: '0d9c8b1e-5a55-4f7e-9a36-6f4e6f0c2f11' } }]))
      }
    }
  }]))
  return { ...schema, response: { ...(schema?.response ?? {}), ...problems } }
}
