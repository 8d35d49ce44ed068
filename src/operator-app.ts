// What a worker answers over HTTP: whether it lives, and what it counts. No organization's data.
import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { healthRoutes } from './http/health.js'
import { metricsRoute } from './http/metrics-route.js'
import problems, { answerFrameworkError } from './http/problems.js'
import { validatorCompiler } from './http/validation.js'
import { type Services } from './services.js'

export async function buildOperatorApp (services: Services): Promise<FastifyInstance> {
  const logger: FastifyBaseLogger = services.log
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: 1_024,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
    frameworkErrors: answerFrameworkError
  })
  app.setValidatorCompiler(validatorCompiler)
  app.decorate('services', services)
  await app.register(problems)
  await app.register(healthRoutes)
  await app.register(metricsRoute)
  return app
}
