// `koinonia worker`: the background jobs alone, beside API processes that run with --no-worker.
import { type Command } from 'commander'
import { loadConfig, publicUrl } from '../config.js'
import { startWorker, type Worker } from '../jobs/worker.js'
import { createLogger } from '../log.js'
import { buildOperatorApp } from '../operator-app.js'
import { awaitRegistry } from '../registry/await-registry.js'
import { openServices, type Services } from '../services.js'
import { jobs, schedule } from '../tasks.js'
import { locateRegistry } from './registry-url.js'
import { stopOnSignal } from './until-stopped.js'

export function workerCommand (command: Command): void {
  command.action(async () => {
    const config = loadConfig()
    // Refused now rather than in every job that tells a carrier where to post.
    publicUrl(config)
    const log = createLogger(config)
    const registry = await locateRegistry(config, log)
    await awaitRegistry(registry.url, log)
    const services = await openServices(config, registry.url, log)
    const operatorApp = await buildOperatorApp(services)
    if (config.WORKER_PORT !== undefined) await operatorApp.listen({ host: config.HOST, port: config.WORKER_PORT })
    const worker = await startJobs(services)
    log.info('worker started')
    stopOnSignal(async () => {
      await worker.stop()
      await operatorApp.close()
      await services.close()
      await registry.close()
    }, config.WORKER_DRAIN_MS + 15_000, log)
  })
}

export function startJobs (services: Services): Promise<Worker> {
  const { config, log, metrics, tracing, registryPool } = services
  return startWorker({ pool: registryPool, services, jobs, schedule, concurrency: config.WORKER_CONCURRENCY, drainMs: config.WORKER_DRAIN_MS, log, metrics, tracing })
}
