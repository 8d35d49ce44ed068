// /api/quiet-hours: the organization's own hours and zone, and that every process hears of the zone.
import t from 'tap'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { until } from '../../helpers/until.js'

void t.test('own hours narrow those of the law, and go away again; what would leave no hour is refused', async (t) => {
  const app = await buildTestApp(t)
  const api = apiOf(app.app, await app.signUp())
  t.match((await api('GET', '/quiet-hours')).body, { own: null, timeZone: 'America/New_York' })
  const own = { opens: '10:00', closes: '19:00' }
  t.match(await api('PATCH', '/quiet-hours', { own }), { status: 200, body: { own, timeZone: 'America/New_York' } })
  t.match((await api('GET', '/quiet-hours')).body, { own })
  t.match((await api('PATCH', '/quiet-hours', { own: { opens: '10:00', closes: '12:00' } })).body, { code: 'VALIDATION_FAILED', errors: [{ path: '/body/own/closes' }] })
  t.match((await api('PATCH', '/quiet-hours', { own: null })).body, { own: null })
  t.match((await api('PATCH', '/quiet-hours', {})).code, 'VALIDATION_FAILED')
})

void t.test('the organization\'s zone is known in every process at once', async (t) => {
  const app = await buildTestApp(t)
  const organization = await app.signUp()
  const [here, there] = [apiOf(app.app, organization), apiOf((await app.anotherProcess()).app, organization)]
  t.match((await there('GET', '/quiet-hours')).body, { timeZone: 'America/New_York' })
  t.equal((await here('PATCH', '/quiet-hours', { timeZone: 'Pacific/Honolulu' })).status, 200)
  await until(async () => (await there<{ timeZone: string }>('GET', '/quiet-hours')).body.timeZone === 'Pacific/Honolulu')
  await until(async () => (await here<{ timeZone: string }>('GET', '/quiet-hours')).body.timeZone === 'Pacific/Honolulu')
})
