// What is known after one attempt to send: each answer and each way a connection can fail.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net'
import { pino } from 'pino'
import t from 'tap'
import { loadConfig } from '../../src/config.js'
import { createSender } from '../../src/providers/telnyx/send.js'

const log = pino({ level: 'silent' })
const text = { from: '+16155550100', to: '+16155550101', text: 'Hello', mediaUrls: [], statusUrl: 'https://example.org/webhooks/telnyx/status/token' }

interface Test { teardown: (run: () => Promise<void>) => unknown }
type Settings = Partial<{ SEND_TIMEOUT_MS: number, SEND_CONCURRENCY: number }>

function sendingTo (t: Test, origin: string, settings: Settings = {}) {
  const sender = createSender({ ...loadConfig({ NODE_ENV: 'test' }), TELNYX_BASE_URL: `${origin}/v2`, TELNYX_API_KEY: 'KEY', SEND_TIMEOUT_MS: 5_000, ...settings }, log)
  t.teardown(() => sender.close())
  return sender
}

async function listen (t: Test, server: Server | ReturnType<typeof createSocketServer>): Promise<string> {
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    await new Promise((resolve) => { server.close(resolve) })
  })
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
}

async function answering (t: Test, answer: (request: IncomingMessage, response: ServerResponse, body: string) => void, settings: Settings = {}) {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => { body += chunk.toString() })
    request.on('end', () => { answer(request, response, body) })
  })
  return sendingTo(t, await listen(t, server), settings)
}

void t.test('an accepted text carries the key, the callback and the media, and answers the carrier\'s id', async (t) => {
  const seen: Array<{ url: string | undefined, key: string | undefined, body: unknown }> = []
  const sender = await answering(t, (request, response, body) => {
    seen.push({ url: request.url, key: request.headers.authorization, body: JSON.parse(body) })
    response.end(JSON.stringify({ data: { id: 'p-1' } }))
  })
  t.same(await sender.send(text), { kind: 'accepted', providerMessageId: 'p-1' })
  await sender.send({ ...text, text: '', mediaUrls: ['https://example.org/a.png'] })
  const common = { from: text.from, to: text.to, webhook_url: text.statusUrl }
  t.same(seen, [
    { url: '/v2/messages', key: 'Bearer KEY', body: { ...common, text: 'Hello' } },
    { url: '/v2/messages', key: 'Bearer KEY', body: { ...common, media_urls: ['https://example.org/a.png'] } }
  ])
})

const answers: Array<[string, number, Record<string, string>, string, object]> = [
  ['a refusal with its code', 403, {}, JSON.stringify({ errors: [{ code: '40300', title: 'Blocked due to STOP message', detail: 'To +16155550101.' }] }), { kind: 'refused', code: '40300', detail: 'Blocked due to STOP message: To ….' }],
  ['a refusal with a numeric code and control characters', 400, {}, '{"errors":[{"code":40310,"title":"Bad\\u0000number"}]}', { kind: 'refused', code: '40310', detail: 'Bad number' }],
  ['a refusal without a reason', 409, {}, 'no', { kind: 'refused', code: 'http_409' }],
  ['a redirect', 301, { location: 'https://example.org' }, '', { kind: 'refused', code: 'http_301' }],
  ['a queue of the number that is full', 400, {}, '{"errors":[{"code":"40318","title":"Queue full"}]}', { kind: 'not_sent', reason: '40318', retryAfterMs: 60_000, slows: 'number' }],
  ['a limit a minute that is used up', 403, {}, '{"errors":[{"code":40018}]}', { kind: 'not_sent', reason: '40018', retryAfterMs: 60_000, slows: 'number' }],
  ['a limit a day that is used up', 403, {}, '{"errors":[{"code":"40016"}]}', { kind: 'not_sent', reason: '40016', retryAfterMs: 3_600_000, slows: 'number' }],
  ['a rate limit with seconds', 429, { 'retry-after': '7' }, '{}', { kind: 'not_sent', reason: 'carrier_rate_limit', retryAfterMs: 7_000, slows: 'number' }],
  ['a rate limit with the carrier\'s own header', 429, { 'x-ratelimit-reset': '2' }, '{}', { kind: 'not_sent', retryAfterMs: 2_000 }],
  ['a rate limit that says no time', 429, {}, '{}', { kind: 'not_sent', retryAfterMs: undefined }],
  ['a rate limit that names an absurd time', 429, { 'retry-after': '99999999999' }, '{}', { kind: 'not_sent', retryAfterMs: 3_600_000 }],
  ['a refused key', 401, {}, '{}', { kind: 'not_sent', reason: 'carrier_key_refused' }],
  ['a failure of the carrier', 503, { 'retry-after': '1' }, '{}', { kind: 'unknown', reason: 'http_503' }],
  ['a time-out between', 408, {}, '', { kind: 'unknown', reason: 'http_408' }],
  ['a success that is not JSON', 200, {}, '<html>', { kind: 'unknown', reason: 'unreadable_answer' }],
  ['a success without an id', 200, {}, '{"data":{}}', { kind: 'unknown', reason: 'unreadable_answer' }],
  ['a success with an id no database can hold', 200, {}, '{"data":{"id":"a\\u0000"}}', { kind: 'unknown', reason: 'unreadable_answer' }],
  ['an endless answer', 200, {}, 'x'.repeat(100_000), { kind: 'unknown' }]
]

void t.test('each answer says what is known', async (t) => {
  for (const [name, status, headers, body, outcome] of answers) {
    const sender = await answering(t, (_request, response) => { response.writeHead(status, headers).end(body) })
    t.match(await sender.send(text), outcome, name)
  }
})

void t.test('what never reached a connection was not sent', async (t) => {
  const closed = createSocketServer()
  const origin = await listen(t, closed)
  await new Promise((resolve) => { closed.close(resolve) })
  t.match(await sendingTo(t, origin).send(text), { kind: 'not_sent', reason: 'ECONNREFUSED' })
  t.match(await sendingTo(t, 'http://nowhere.invalid').send(text), { kind: 'not_sent', reason: /ENOTFOUND|EAI_AGAIN/ })
  const plain = await listen(t, createSocketServer((socket) => { socket.on('error', () => undefined).resume().end('not TLS\r\n') }))
  t.match(await sendingTo(t, plain.replace('http:', 'https:')).send(text), { kind: 'not_sent' })
})

void t.test('what was written and not answered is unknown', async (t) => {
  const onRequest = (act: (socket: Socket) => void) => createSocketServer((socket) => {
    socket.on('error', () => undefined).once('data', () => { act(socket) })
  })
  const reset = sendingTo(t, await listen(t, onRequest((socket) => { socket.resetAndDestroy() })))
  t.match(await reset.send(text), { kind: 'unknown' }, 'reset')
  const ended = sendingTo(t, await listen(t, onRequest((socket) => { socket.end() })))
  t.match(await ended.send(text), { kind: 'unknown' }, 'closed')
  const garbled = sendingTo(t, await listen(t, onRequest((socket) => { socket.end('HTTP/9 what\r\n\r\n') })))
  t.match(await garbled.send(text), { kind: 'unknown' }, 'garbled')
  const torn = sendingTo(t, await listen(t, onRequest((socket) => { socket.end('HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{"data":{"id":') })))
  t.match(await torn.send(text), { kind: 'unknown' }, 'torn')
})

void t.test('silence is unknown after SEND_TIMEOUT_MS, and a slow answer is not waited for twice', async (t) => {
  const sender = await answering(t, (_request, response) => { setTimeout(() => { response.end('{"data":{"id":"late"}}') }, 600) }, { SEND_TIMEOUT_MS: 200 })
  const started = Date.now()
  t.match(await sender.send(text), { kind: 'unknown', reason: 'timeout' })
  const took = Date.now() - started
  t.ok(took >= 190 && took < 600, `it took ${String(took)} ms`)
})

void t.test('a text given up while it waited for a connection is not sent, then or later', async (t) => {
  const bodies: string[] = []
  const sender = await answering(t, (_request, response, body) => {
    bodies.push((JSON.parse(body) as { text: string }).text)
    setTimeout(() => { response.end('{"data":{"id":"p"}}') }, 250)
  }, { SEND_TIMEOUT_MS: 400, SEND_CONCURRENCY: 1 })
  const outcomes = await Promise.all(['one', 'two', 'three'].map((words) => sender.send({ ...text, text: words })))
  t.match(outcomes, [{ kind: 'accepted' }, { kind: 'unknown', reason: 'timeout' }, { kind: 'not_sent', reason: 'timeout' }])
  await sender.send({ ...text, text: 'four' })
  t.same(bodies, ['one', 'two', 'four'])
})

void t.test('a connection that the carrier closed while it was idle is replaced', async (t) => {
  const sender = await answering(t, (_request, response) => { response.writeHead(200, { connection: 'close' }).end('{"data":{"id":"p"}}') })
  for (let turn = 0; turn < 5; turn++) t.match(await sender.send(text), { kind: 'accepted' })
})
