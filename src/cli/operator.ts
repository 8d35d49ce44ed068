// What the operator's commands work with: the services, opened for one command and closed at its end.
import { loadConfig } from '../config.js'
import { createLogger } from '../log.js'
import { prepareServices, type Services } from '../services.js'
import { locateRegistry } from './registry-url.js'

export interface Operator extends Services { registryUrl: string }

/** Standard output is the command's answer: the log goes to standard error, and says no more than warnings unless LOG_LEVEL asks for it. Connections open at the first use. */
export async function asOperator<T> (use: (operator: Operator) => Promise<T>): Promise<T> {
  const config = loadConfig(undefined, { LOG_LEVEL: 'warn' })
  const log = createLogger(config, 2)
  const location = await locateRegistry(config, log)
  // A command ends before anything it has looked up changes.
  const services = prepareServices(config, location.url, log)
  try {
    return await use({ ...services, registryUrl: location.url })
  } finally {
    await services.close()
    await location.close()
  }
}
