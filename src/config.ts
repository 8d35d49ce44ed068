// The settings of the service: read once from the environment, all faults in one message, frozen, passed down.
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Convert, Default, Errors } from 'typebox/value'
import { type Settings, settingsSchema } from './settings.js'

type Secret = 'JWT_SECRET' | 'MASTER_KEY' | 'OPERATOR_TOKEN'
export type Config = Readonly<Omit<Settings, Secret> & Required<Pick<Settings, Secret>>>

/** Names every fault of the settings at once; the message is for the operator, who sees nothing else. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const requiredInProduction = [
  'REGISTRY_DATABASE_URL', 'PUBLIC_URL', 'JWT_SECRET', 'MASTER_KEY', 'OPERATOR_TOKEN', 'TELNYX_API_KEY', 'TELNYX_PUBLIC_KEY'
] as const

/** Where package.json and the migrations are, from the compiled dist/src/. */
export const packageRoot = fileURLToPath(new URL('../..', import.meta.url))

/** `usual`: defaults of the caller's own. @throws ConfigError naming every invalid or missing setting. */
export function loadConfig (environment: NodeJS.ProcessEnv = process.env, usual: Readonly<Record<string, string>> = {}): Config {
  const given = Object.fromEntries(Object.keys(settingsSchema.properties)
    .filter((name) => environment[name] !== undefined && environment[name] !== '')
    .map((name) => [name, environment[name]]))
  const settings = Convert(settingsSchema, Default(settingsSchema, { ...usual, ...given }))
  const faults = findFaults(settings)
  if (faults.length > 0) {
    throw new ConfigError(`The settings are not complete:\n${faults.map((fault) => `  ${fault}`).join('\n')}\nSee .env.example for the meaning of each.`)
  }
  const valid = settings as Settings
  const dataDir = resolve(valid.DATA_DIR)
  const secrets = valid.NODE_ENV === 'production' ? {} : developmentSecrets(dataDir, valid)
  return Object.freeze({ ...secrets, ...valid, DATA_DIR: dataDir } as Config)
}

/**
 * Where the outside world reaches this service, without a slash at the end.
 * @throws ConfigError when nothing tells it: no PUBLIC_URL, and a port that the system has yet to choose.
 */
export function publicUrl ({ PUBLIC_URL, HOST, PORT }: Pick<Config, 'PUBLIC_URL' | 'HOST' | 'PORT'>): string {
  if (PUBLIC_URL === undefined && PORT === 0) {
    throw new ConfigError('PUBLIC_URL is missing: with PORT=0 it alone can tell the carrier where to post. Set it, or a PORT.')
  }
  return PUBLIC_URL ?? `http://${HOST}:${PORT}`
}

export interface DatabaseServerSetting { name: string, adminUrl: string }

/** The servers of TENANT_SERVERS, or the registry's own as `primary`. */
export function tenantServers (config: Pick<Config, 'TENANT_SERVERS'>, registryUrl: string): DatabaseServerSetting[] {
  if (config.TENANT_SERVERS === undefined) {
    const adminUrl = new URL(registryUrl)
    adminUrl.pathname = '/postgres'
    return [{ name: 'primary', adminUrl: adminUrl.href }]
  }
  return config.TENANT_SERVERS.split(',').map((entry) => {
    const [, name, adminUrl] = /^\s*([a-z][a-z0-9-]{0,39})=(postgres(?:ql)?:\/\/\S+)\s*$/.exec(entry) ?? []
    if (name === undefined || adminUrl === undefined) {
      throw new ConfigError('TENANT_SERVERS must be a list such as east=postgres://admin:secret@host:5432/postgres,west=…')
    }
    return { name, adminUrl }
  })
}

/** By the name of the server that each is in front of. IPv6 in brackets. */
export function tenantPoolers (config: Pick<Config, 'TENANT_SERVERS' | 'TENANT_POOLERS'>): Map<string, { host: string, port: number }> {
  const servers = new Set(tenantServers(config, 'postgres://any').map(({ name }) => name))
  return new Map((config.TENANT_POOLERS?.split(',') ?? []).map((entry) => {
    const [, name, host, port] = /^\s*([a-z][a-z0-9-]{0,39})=(\[[0-9a-f:]+\]|[^\s:/]+):(\d{1,5})\s*$/.exec(entry) ?? []
    if (name === undefined || host === undefined) throw new ConfigError('TENANT_POOLERS must be a list such as east=host:6432,west=…')
    if (!servers.has(name)) throw new ConfigError(`TENANT_POOLERS names ${name}, which is no server of TENANT_SERVERS: ${[...servers].join(', ')}`)
    return [name, { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }]
  }))
}

function findFaults (settings: unknown): string[] {
  const faults = Errors(settingsSchema, settings).map((error) => `${error.instancePath.slice(1)} ${error.message}`)
  const present = settings as Record<string, unknown>
  if (present['NODE_ENV'] === 'production') {
    if (present['QUIET_HOURS'] === 'ignored') faults.push('QUIET_HOURS cannot be ignored in production: people would be texted at night')
    faults.push(...requiredInProduction.filter((name) => present[name] === undefined).map((name) => `${name} is missing`))
  }
  const { SEND_RECOVERY_MS: recovery, SEND_TIMEOUT_MS: timeout } = present
  if (typeof recovery === 'number' && typeof timeout === 'number' && recovery <= 2 * timeout) {
    // Else a text could count as lost while it is still on its way.
    faults.push('SEND_RECOVERY_MS must be more than twice SEND_TIMEOUT_MS')
  }
  const bucket = ['S3_ENDPOINT', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY']
  if (bucket.some((name) => present[name] !== undefined)) faults.push(...bucket.filter((name) => present[name] === undefined).map((name) => `${name} is missing`))
  return [...new Set(faults)]
}

function developmentSecrets (dataDir: string, settings: Settings): Partial<Record<Secret, string>> {
  if (settings.JWT_SECRET !== undefined && settings.MASTER_KEY !== undefined && settings.OPERATOR_TOKEN !== undefined) return {}
  const file = join(dataDir, 'development-secrets.json')
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<Secret, string>
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new ConfigError(`${file} cannot be read. Restore it, or delete it together with the data beside it.`, { cause: error })
  }
  const secrets = {
    JWT_SECRET: randomBytes(48).toString('base64'),
    MASTER_KEY: randomBytes(32).toString('base64'),
    OPERATOR_TOKEN: randomBytes(24).toString('base64url')
  }
  mkdirSync(dataDir, { recursive: true })
  writeFileSync(file, JSON.stringify(secrets, null, 2), { mode: 0o600, flag: 'wx' })
  return secrets
}
