// What browsers are told, on answers of every kind.
import t from 'tap'
import { buildTestApp } from '../helpers/build.js'

const { app } = await buildTestApp(t)

for (const { url, status } of [{ url: '/health/live', status: 200 }, { url: '/nowhere', status: 404 }, { url: '/api/members', status: 401 }]) {
  await t.test(`an answer ${status} is no page, no frame and no script`, async (t) => {
    const answer = await app.inject({ url })
    t.equal(answer.statusCode, status)
    t.match(answer.headers, {
      'content-security-policy': /default-src 'none'.*frame-ancestors 'none'/,
      'referrer-policy': 'no-referrer',
      'strict-transport-security': /max-age=31536000/,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY'
    })
  })
}

await t.test('the reference is a page and says itself what it may load', async (t) => {
  const page = await app.inject({ url: '/docs/' })
  t.match(page.headers['content-security-policy'], /script-src 'self'/)
})

await t.test('without allowed origins no page of another site may read an answer', async (t) => {
  const answer = await app.inject({ url: '/health/live', headers: { origin: 'https://elsewhere.example' } })
  t.equal(answer.headers['access-control-allow-origin'], undefined)
})
