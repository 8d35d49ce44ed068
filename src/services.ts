// Everything a request or a job works with, opened in order and closed in reverse.
import { type Logger } from 'pino'
import { type Clock, systemClock } from './clock.js'
import { type Config } from './config.js'
import { createKeyring, type Keyring } from './crypto/keyring.js'
import { createPasswords, type Passwords } from './crypto/passwords.js'
import { JobQueue } from './jobs/job-queue.js'
import { createMetrics, type Metrics } from './metrics.js'
import { type Carrier } from './providers/carrier.js'
import { createTelnyxCarrier } from './providers/telnyx/carrier.js'
import { openRegistry, type RegistryDb } from './registry/db.js'
import { RegistryListener } from './registry/listener.js'
import { Provisioner } from './tenancy/provisioner.js'
import { Tenancy } from './tenancy/tenancy.js'

export interface Services {
  config: Config
  log: Logger
  clock: Clock
  keyring: Keyring
  passwords: Passwords
  metrics: Metrics
  registry: RegistryDb
  listener: RegistryListener
  tenancy: Tenancy
  provisioner: Provisioner
  jobs: JobQueue
  carrier: Carrier
}
