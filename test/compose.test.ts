// docker-compose.yml against the service's own settings: read, interpolated as compose does, and never started here.
import t from 'tap'
import { loadConfig, tenantPoolers, tenantServers } from '../src/config.js'
import { settingsSchema } from '../src/settings.js'
import { readCompose } from './helpers/compose-file.js'

const secrets: Readonly<Record<string, string>> = {
  POSTGRES_PASSWORD: 'secret',
  PUBLIC_URL: 'https://api.example.org',
  JWT_SECRET: 'j'.repeat(32),
  MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
  OPERATOR_TOKEN: 'o'.repeat(24),
  TELNYX_API_KEY: 'KEY',
  TELNYX_PUBLIC_KEY: Buffer.alloc(32, 2).toString('base64')
}
const { services, volumes, configs } = readCompose(secrets)
const hostOf = (url: string) => new URL(url).hostname
const settingsOf = (name: string, { services } = readCompose(secrets)) =>
  Object.fromEntries(Object.entries(services[name]!.environment!).map(([setting, value]) => [setting, String(value)]))

await t.test('the API and the worker get settings that exist, are complete in production, and agree', async (t) => {
  for (const name of ['api', 'worker']) {
    const environment = settingsOf(name)
    for (const setting of Object.keys(environment)) t.ok(setting in settingsSchema.properties, setting)
    t.doesNotThrow(() => loadConfig(environment), name)
  }
  t.same(services['api']!.environment, services['worker']!.environment)
})

await t.test('two PostgreSQL servers take tenants, the registry\'s own among them, and are reached directly unless asked otherwise', async (t) => {
  const config = loadConfig(settingsOf('api'))
  const registryUrl = config.REGISTRY_DATABASE_URL ?? ''
  const servers = tenantServers(config, registryUrl)
  t.same(servers.map(({ name, adminUrl }) => [name, hostOf(adminUrl)]), [['primary', 'postgres'], ['second', 'postgres-second']])
  t.equal(hostOf(registryUrl), 'postgres')
  t.equal(tenantPoolers(config).size, 0)
  for (const host of ['postgres', 'postgres-second']) {
    t.match(services[host], { image: /^postgres:18/, healthcheck: { test: /^pg_isready/ } })
    const most = Number(/max_connections=(\d+)/.exec(services[host]!.command!)?.[1])
    t.ok(most >= 3 * 2 * config.DATABASE_MAX_CONNECTIONS, `${most}: room for two more of each process`)
  }
  t.not(services['postgres']!.volumes?.[0], services['postgres-second']!.volumes?.[0])
})

await t.test('each server has a pooler in front of it, started only when its profile is asked for, with room for every process', async (t) => {
  t.same(Object.entries(services).filter(([, { profiles }]) => profiles !== undefined).map(([name]) => name), ['pgbouncer', 'pgbouncer-second'])
  // As the comment in the file has it.
  const config = loadConfig(settingsOf('api', readCompose({ ...secrets, TENANT_POOLERS: 'primary=pgbouncer:6432,second=pgbouncer-second:6432' })))
  const poolers = tenantPoolers(config)
  for (const { name, adminUrl } of tenantServers(config, '')) {
    const { host, port } = poolers.get(name)!
    t.ok(services[host]?.profiles?.includes('pgbouncer'), host)
    const files = new Map(services[host]!.configs!.map(({ source, target }) => [target, configs[source]!.content]))
    t.match(files.get('/etc/pgbouncer/pgbouncer.ini'), new RegExp(`host=${hostOf(adminUrl)} port=5432`))
    const settings = files.get('/etc/pgbouncer/settings.ini') ?? ''
    const most = (setting: string) => Number(new RegExp(`^${setting} = (\\d+)$`, 'm').exec(settings)?.[1])
    t.equal(most('listen_port'), port)
    t.match(settings, /^pool_mode = transaction$/m)
    t.ok(most('max_prepared_statements') > 0)
    t.ok(most('max_client_conn') >= 2 * config.DATABASE_MAX_CONNECTIONS)
    t.ok(most('default_pool_size') >= config.DATABASE_CONNECTIONS_PER_TENANT)
    t.ok(most('query_wait_timeout') * 1_000 <= config.DATABASE_WAIT_MS)
    t.match(services[hostOf(adminUrl)]!.configs, [{ source: 'pgbouncer-role', target: /^\/docker-entrypoint-initdb\.d\/.*\.sql$/ }])
  }
})

await t.test('whatever is named is there', async (t) => {
  for (const [name, service] of Object.entries(services)) {
    for (const needed of Object.keys(service.depends_on ?? {})) t.ok(services[needed]?.healthcheck !== undefined, `${name} waits for ${needed}`)
    for (const volume of service.volumes ?? []) t.ok(volume.split(':')[0]! in volumes, volume)
    for (const { source } of service.configs ?? []) t.ok(source in configs, source)
  }
})
