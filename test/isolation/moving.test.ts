// While an organization is moved: every route that reads answers, every one that writes says TENANT_MOVING, and none fails in another way.
import { type RouteOptions } from 'fastify'
import t from 'tap'
import { allowWrites, refuseWrites } from '../../src/tenancy/lifecycle/read-only.js'
import { buildTestApp } from '../helpers/build.js'
import { seedOrganization } from '../helpers/seed-organization.js'
import { until } from '../helpers/until.js'
import { buildRequest } from './build-request.js'
import { recordRoutes } from './route-table.js'

t.setTimeout(180_000)

const { built: test, routes } = await recordRoutes(async () => await buildTestApp(t, { carrier: true, config: { RATE_LIMIT_PER_MINUTE: 100_000 } }))
const { app, services } = test
const worker = await test.startWorker()
const { organization, ids } = await seedOrganization(test, 'church', 'Philemon')
await worker.stop()
const { tenantId, headers } = organization
const { work } = services.provisioner
const named = (route: RouteOptions): string => `${String(route.method)} ${route.url}`
/** That people's data left is on record, or it does not leave. */
const recorded = ['GET /api/members/export']
/** Its answer has no end. */
const streams = ['GET /api/events']
const tenantRoutes = routes.filter(({ url }) => url.startsWith('/api') && !url.startsWith('/api/auth')).filter((route) => !streams.includes(named(route)))

async function setMoving (moving: boolean): Promise<void> {
  const tenant = await services.operations.tenant(tenantId)
  await work.servers.connect(tenant.server.name, async (client) => { await (moving ? refuseWrites(client, tenant) : allowWrites(client, tenant)) })
  await services.registry.updateTable('tenants').set({ status: moving ? 'moving' : 'active' }).where('id', '=', tenantId).execute()
  await services.tenancy.drain(tenantId)
}

const ask = async (route: RouteOptions) => {
  const request = buildRequest(route, ids)
  return await app.inject({ ...request, headers: { ...headers, ...request.headers } })
}

await setMoving(true)

await t.test('every route that reads is answered', async (t) => {
  const reading = tenantRoutes.filter(({ method }) => method === 'GET')
  t.ok(reading.length > 20)
  for (const route of reading) {
    const { statusCode, body } = await ask(route)
    t.equal(statusCode, recorded.includes(named(route)) ? 503 : 200, `${named(route)}: ${body.slice(0, 200)}`)
  }
})

await t.test('every other route is answered, refuses by its own rules, or says TENANT_MOVING with Retry-After', async (t) => {
  const refused: string[] = []
  for (const route of tenantRoutes.filter(({ method }) => method !== 'GET' && method !== 'HEAD')) {
    const response = await ask(route)
    if (response.statusCode === 503) {
      t.match(response.json(), { code: 'TENANT_MOVING' }, named(route))
      t.ok(Number(response.headers['retry-after']) > 0)
      refused.push(named(route))
    } else {
      t.ok(response.statusCode < 500, `${named(route)}: ${response.statusCode} ${response.body.slice(0, 200)}`)
    }
  }
  for (const name of ['POST /api/members', 'POST /api/messages', 'POST /api/tags', 'PATCH /api/members/:id', 'DELETE /api/members/:id', 'POST /api/conversations/:id/messages']) {
    t.ok(refused.includes(name), `${name} writes`)
  }
  t.comment(`${refused.length} routes refused`)
})

await t.test('an Idempotency-Key that met the move is free afterwards', async (t) => {
  const post = () => app.inject({ method: 'POST', url: '/api/tags', payload: { name: 'afterwards' }, headers: { ...headers, 'idempotency-key': 'a-key' } })
  t.equal((await post()).statusCode, 503)
  await setMoving(false)
  await until(async () => (await post()).statusCode === 201)
})
