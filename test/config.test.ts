import t from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, loadConfig, packageRoot, tenantPoolers, tenantServers } from '../src/config.js'
import { settingsSchema } from '../src/settings.js'

const production = {
  NODE_ENV: 'production',
  REGISTRY_DATABASE_URL: 'postgres://admin:secret@db.example:5432/registry',
  PUBLIC_URL: 'https://api.example.org',
  JWT_SECRET: 'j'.repeat(32),
  MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
  OPERATOR_TOKEN: 'o'.repeat(24),
  TELNYX_API_KEY: 'KEY',
  TELNYX_PUBLIC_KEY: Buffer.alloc(32, 2).toString('base64')
}

await t.test('.env.example lists every setting, each with its meaning, and no other', async (t) => {
  const lines = readFileSync(join(packageRoot, '.env.example'), 'utf8').split('\n')
  const listed = lines.flatMap((line, index) => {
    const name = /^#? ?([A-Z][A-Z0-9_]+)=/.exec(line)?.[1]
    return name === undefined ? [] : [{ name, meaning: lines[index - 1] ?? '' }]
  })
  t.same(listed.map(({ name }) => name).sort(), Object.keys(settingsSchema.properties).sort())
  for (const { name, meaning } of listed) {
    const schema: object = settingsSchema.properties[name as keyof typeof settingsSchema.properties]
    t.equal(meaning, `# ${'description' in schema ? String(schema.description) : 'nothing'}`, name)
  }
})

await t.test('production names every missing secret in one message, and makes none up', async (t) => {
  const error = t.throws(() => loadConfig({ NODE_ENV: 'production' }), ConfigError) as ConfigError
  for (const name of Object.keys(production).filter((name) => name !== 'NODE_ENV')) t.match(error.message, new RegExp(`${name} is missing`))
  t.equal(loadConfig(production).JWT_SECRET, production.JWT_SECRET)
})

await t.test('every fault is in the one message', async (t) => {
  const error = t.throws(() => loadConfig({ ...production, PORT: 'many', MASTER_KEY: 'short', SPARE_TENANTS: '-1' }), ConfigError) as ConfigError
  for (const name of ['PORT', 'MASTER_KEY', 'SPARE_TENANTS']) t.match(error.message, new RegExp(name))
})

await t.test('development secrets are made once and kept for their owner only', async (t) => {
  const DATA_DIR = t.testdir()
  const first = loadConfig({ DATA_DIR })
  t.equal(Buffer.from(first.MASTER_KEY, 'base64').length, 32)
  t.equal(loadConfig({ DATA_DIR }).MASTER_KEY, first.MASTER_KEY)
  t.not(loadConfig({ DATA_DIR: t.testdir({ other: {} }) + '/other' }).MASTER_KEY, first.MASTER_KEY)
})

await t.test('the configuration cannot be changed afterwards', async (t) => {
  t.throws(() => { Object.assign(loadConfig(production), { PORT: 1 }) }, TypeError)
})

await t.test('TENANT_SERVERS is a list of names and administrator URLs; without it the registry\'s server is the only one', async (t) => {
  t.same(tenantServers({}, 'postgres://a:b@h:5432/registry'), [{ name: 'primary', adminUrl: 'postgres://a:b@h:5432/postgres' }])
  t.same(tenantServers({ TENANT_SERVERS: 'east=postgres://a@h1/postgres, west=postgres://a@h2/postgres' }, ''), [
    { name: 'east', adminUrl: 'postgres://a@h1/postgres' }, { name: 'west', adminUrl: 'postgres://a@h2/postgres' }
  ])
  t.throws(() => tenantServers({ TENANT_SERVERS: 'nonsense' }, ''), ConfigError)
})

await t.test('TENANT_POOLERS gives some of those servers a pooler, and none that is not there', async (t) => {
  t.same([...tenantPoolers({})], [])
  t.same([...tenantPoolers({ TENANT_POOLERS: 'primary=h:6432' })], [['primary', { host: 'h', port: 6432 }]])
  t.same([...tenantPoolers({ TENANT_SERVERS: 'east=postgres://a@h1/p,west=postgres://a@h2/p', TENANT_POOLERS: 'west=[::1]:6433' })], [['west', { host: '::1', port: 6433 }]])
  t.throws(() => tenantPoolers({ TENANT_POOLERS: 'east=h:6432' }), /names east, which is no server/)
  for (const nonsense of ['primary', 'primary=h', 'primary=postgres://h:6432']) t.throws(() => tenantPoolers({ TENANT_POOLERS: nonsense }), ConfigError)
})
