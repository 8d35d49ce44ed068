// docker-compose.yml against the service's own settings: read, interpolated as compose does, and never started here.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { loadConfig, packageRoot, tenantServers } from '../src/config.js'
import { settingsSchema } from '../src/settings.js'

interface Service {
  image?: string
  build?: string
  command?: string
  profiles?: string[]
  environment?: Record<string, string | number>
  depends_on?: Record<string, unknown>
  healthcheck?: { test: string | string[] }
  volumes?: string[]
  configs?: Array<{ source: string }>
}
interface Compose { services: Record<string, Service>, volumes: Record<string, unknown>, configs: Record<string, { content: string }> }

const secrets: Readonly<Record<string, string>> = {
  POSTGRES_PASSWORD: 'secret',
  PUBLIC_URL: 'https://api.example.org',
  JWT_SECRET: 'j'.repeat(32),
  MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
  OPERATOR_TOKEN: 'o'.repeat(24),
  TELNYX_API_KEY: 'KEY',
  TELNYX_PUBLIC_KEY: Buffer.alloc(32, 2).toString('base64')
}
const raw = readFileSync(join(packageRoot, 'docker-compose.yml'), 'utf8')
const { services, volumes, configs } = parse(raw.replace(/\$\{(\w+)(?::\?[^}]*)?\}/g, (_, name: string) => secrets[name] ?? ''), { merge: true }) as Compose
const hostOf = (url: string) => new URL(url).hostname

await t.test('the API and the worker get settings that exist, are complete in production, and agree', async (t) => {
  for (const name of ['api', 'worker']) {
    const environment = Object.fromEntries(Object.entries(services[name]!.environment!).map(([setting, value]) => [setting, String(value)]))
    for (const setting of Object.keys(environment)) t.ok(setting in settingsSchema.properties, setting)
    t.doesNotThrow(() => loadConfig(environment), name)
  }
  t.same(services['api']!.environment, services['worker']!.environment)
})

await t.test('two PostgreSQL servers take tenants, the registry\'s own among them, and nothing of the service goes through the pooler', async (t) => {
  const config = loadConfig(Object.fromEntries(Object.entries(services['api']!.environment!).map(([setting, value]) => [setting, String(value)])))
  const registryUrl = config.REGISTRY_DATABASE_URL ?? ''
  const servers = tenantServers(config, registryUrl)
  t.same(servers.map(({ name, adminUrl }) => [name, hostOf(adminUrl)]), [['primary', 'postgres'], ['second', 'postgres-second']])
  t.equal(hostOf(registryUrl), 'postgres')
  for (const host of ['postgres', 'postgres-second']) {
    t.match(services[host], { image: /^postgres:18/, healthcheck: { test: /^pg_isready/ } })
    const most = Number(/max_connections=(\d+)/.exec(services[host]!.command!)?.[1])
    t.ok(most >= 3 * 2 * config.DATABASE_MAX_CONNECTIONS, `${most}: room for two more of each process`)
  }
  t.not(services['postgres']!.volumes?.[0], services['postgres-second']!.volumes?.[0])
})

await t.test('the pooler is there only when its profile is asked for', async (t) => {
  t.same(Object.entries(services).filter(([, { profiles }]) => profiles !== undefined).map(([name]) => name), ['pgbouncer'])
  t.match(configs['pgbouncer']!.content, /pool_mode = transaction[^]*max_prepared_statements = [1-9]/)
})

await t.test('whatever is named is there', async (t) => {
  for (const [name, service] of Object.entries(services)) {
    for (const needed of Object.keys(service.depends_on ?? {})) t.ok(services[needed]?.healthcheck !== undefined, `${name} waits for ${needed}`)
    for (const volume of service.volumes ?? []) t.ok(volume.split(':')[0]! in volumes, volume)
    for (const { source } of service.configs ?? []) t.ok(source in configs, source)
  }
})
