// Routes kept to some roles.
import Fastify from 'fastify'
import t from 'tap'
import problems from '../../src/http/problems.js'
import { type AdminRole } from '../../src/http/authentication.js'
import { requireRole } from '../../src/http/require-role.js'

void t.test('a role that is not named is refused', async (t) => {
  const app = Fastify()
  await app.register(problems)
  app.addHook('onRequest', async (request) => { Object.assign(request, { actor: { role: request.headers['x-role'] as AdminRole } }) })
  app.get('/', { preHandler: requireRole('primary', 'co_admin') }, () => 'in')
  const as = async (role: AdminRole) => (await app.inject({ url: '/', headers: { 'x-role': role } })).statusCode
  t.strictSame([await as('primary'), await as('co_admin'), await as('staff')], [200, 200, 403])
})
