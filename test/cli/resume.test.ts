// `koinonia tenants resume`: what waited while the organization was suspended goes on.
import t from 'tap'
import { apiOf } from '../helpers/api.js'
import { buildTestApp } from '../helpers/build.js'
import { until } from '../helpers/until.js'
import { runCli } from './run-cli.js'

t.setTimeout(120_000)

await t.test('a text queued before the suspension leaves after the resumption, and not before', async (t) => {
  const test = await buildTestApp(t, { carrier: true })
  const church = await test.signUp()
  await test.addNumber(church)
  const api = apiOf(test.app, church)
  await api('POST', '/members', { firstName: 'Ruth', lastName: 'Cole', phone: '+16155550141', optIn: { source: 'form' } })
  t.equal((await api('POST', '/messages', { text: 'Welcome back.', to: { all: true } })).status, 202)
  await test.services.provisioner.suspend(church.tenantId)
  const carrier = test.carrier?.url ?? ''
  const received = async (): Promise<unknown[]> => (await (await fetch(`${carrier}/sandbox/messages?to=%2B16155550141`)).json() as { items: unknown[] }).items

  await test.startWorker()
  const waiting = async (): Promise<boolean> => {
    const rows = await test.registry.query("SELECT FROM graphile_worker.jobs WHERE key LIKE 'dispatch:%'")
    return rows.length === 0
  }
  await until(waiting)
  t.strictSame(await received(), [], 'the suspended organization\'s text stayed')

  t.match(await runCli(test.registry.url, ['tenants', 'resume', church.tenantId]), { code: 0, stdout: /is active/ })
  await until(async () => (await received()).length === 1)
  t.match(await received(), [{ text: 'Welcome back.' }])
})

await t.test('a message whose time passed during the suspension starts after the resumption', async (t) => {
  const test = await buildTestApp(t)
  const church = await test.signUp()
  await test.addNumber(church)
  const api = apiOf(test.app, church)
  await api('POST', '/members', { firstName: 'Ruth', lastName: 'Cole', phone: '+16155550141', optIn: { source: 'form' } })
  const sendAt = new Date(Date.now() + 1_000)
  const { body: { id } } = await api<{ id: string }>('POST', '/messages', { text: 'At ten.', to: { all: true }, sendAt })
  await test.services.provisioner.suspend(church.tenantId)
  await test.startWorker()
  await until(async () => (await test.registry.query('SELECT FROM graphile_worker.jobs WHERE key = $1', [`start:${id}`])).length === 0)

  t.match(await runCli(test.registry.url, ['tenants', 'resume', church.tenantId]), { code: 0, stdout: /is active/ })
  await until(async () => (await api<{ counts?: { queued: number } }>('GET', `/messages/${id}`)).body.counts?.queued === 1, 20_000)
})
