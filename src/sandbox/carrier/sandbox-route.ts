// What every route of the sandbox has in common, for the host application's plugins to see.
import type {} from '@fastify/rate-limit'
import type {} from '@fastify/swagger'

/** Not in the service's OpenAPI description, and not rationed. */
export const sandboxRoute = { schema: { hide: true }, config: { rateLimit: false } } as const
