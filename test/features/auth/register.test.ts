// Signing up: what is answered, what is made, and that a failure leaves nothing.
import t from 'tap'
import { buildTestApp } from '../../helpers/build.js'

const { app } = await buildTestApp(t, { spares: 1 })

const grace = { email: 'ruth@example.org', password: 'barley and wheat', firstName: 'Ruth', lastName: 'Miller', churchName: 'Grace Church' }
const post = (payload: Record<string, unknown>, headers: Record<string, string> = {}) => app.inject({ method: 'POST', url: '/api/auth/register', payload, headers })

void t.test('a church signs up: 201 with tokens, admin and organization, and HttpOnly cookies', async (t) => {
  const response = await post(grace)
  t.equal(response.statusCode, 201, response.body)
  const body = response.json<Record<string, unknown>>()
  t.match(body, {
    accessToken: String,
    csrfToken: String,
    expiresIn: 900,
    tenantId: String,
    trialEndsAt: String,
    admin: { id: String, email: 'ruth@example.org', firstName: 'Ruth', lastName: 'Miller', role: 'primary' },
    organization: { id: String, kind: 'church', name: 'Grace Church', timeZone: 'America/New_York' }
  })
  t.notOk('refreshToken' in body)
  t.notMatch(response.body, /argon2|hash/i)
  t.match(response.cookies, [
    { name: 'koinonia_access', httpOnly: true, sameSite: 'Lax', path: '/', maxAge: 900 },
    { name: 'koinonia_refresh', httpOnly: true, sameSite: 'Lax', path: '/api/auth', maxAge: 604_800 }
  ])
  const me = await app.inject({ url: '/api/auth/me', headers: { authorization: `Bearer ${String(body['accessToken'])}` } })
  t.equal(me.statusCode, 200, me.body)
  t.match(me.json(), { admin: body['admin'], organization: body['organization'], tenantId: body['tenantId'] })
})
