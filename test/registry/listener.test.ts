import pg from 'pg'
import { pino } from 'pino'
import t from 'tap'
import { RegistryListener } from '../../src/registry/listener.js'
import { testServer } from '../helpers/test-server.js'
import { until } from '../helpers/until.js'

void t.test('several begin to hear at once: each hears its own, and one statement at a time goes over the connection', async (t) => {
  const warnings: Error[] = []
  const note = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', note)
  t.teardown(() => { process.off('warning', note) })
  const { adminUrl } = await testServer()
  const listener = new RegistryListener({ connectionString: adminUrl, log: pino({ level: 'silent' }), heartbeatMs: 500 })
  await listener.start()
  t.teardown(() => listener.close())

  const heard: string[] = []
  const subscriptions = ['one', 'two', 'three'].map((name) => listener.on(name, (payload) => { heard.push(`${name}: ${payload}`) }))
  await until(async () => subscriptions.every((subscription) => subscription.isLive()))

  const speaker = new pg.Client({ connectionString: adminUrl })
  await speaker.connect()
  t.teardown(() => speaker.end())
  for (const name of ['three', 'one', 'two']) await speaker.query('SELECT pg_notify($1, $2)', [name, 'hello'])
  await until(async () => heard.length === 3)
  t.same(heard, ['three: hello', 'one: hello', 'two: hello'])
  t.same(warnings, [])
})
