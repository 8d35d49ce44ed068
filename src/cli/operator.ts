// What the operator's commands work with: the registry and its tenants, opened for one command and closed at its end.
import { type Logger } from 'pino'
import { type Config, loadConfig } from '../config.js'
import { createKeyring, type Keyring } from '../crypto/keyring.js'
import { createLogger } from '../log.js'
import { openRegistry, type RegistryDb } from '../registry/db.js'
import { RegistryListener } from '../registry/listener.js'
import { Provisioner } from '../tenancy/provisioner.js'
import { Tenancy } from '../tenancy/tenancy.js'
import { locateRegistry } from './registry-url.js'

export interface Operator {
  config: Config
  log: Logger
  keyring: Keyring
  registryUrl: string
  registry: RegistryDb
  tenancy: Tenancy
  provisioner: Provisioner
}

/** Standard output is the command's answer, so the log goes to standard error. Connections open at the first use. */
export async function asOperator<T> (use: (operator: Operator) => Promise<T>): Promise<T> {
  const config = loadConfig()
  const log = createLogger(config, 2)
  const location = await locateRegistry(config, log)
  const keyring = createKeyring(Buffer.from(config.MASTER_KEY, 'base64'))
  const registry = openRegistry(location.url, config, log)
  // Never started: a command looks up what it needs afresh, and ends before anything changes.
  const listener = new RegistryListener({ connectionString: location.url, log })
  const tenancy = new Tenancy({ registry, listener, keyring, config, log })
  const provisioner = new Provisioner({ registry: registry.db, tenancy, keyring, config, registryUrl: location.url, log })
  try {
    return await use({ config, log, keyring, registryUrl: location.url, registry: registry.db, tenancy, provisioner })
  } finally {
    await tenancy.close()
    await listener.close()
    await registry.close()
    await location.close()
  }
}
