// Keeps the sandbox's routes out of the service's own OpenAPI description.
import type {} from '@fastify/swagger'

export const hidden = { schema: { hide: true } }
