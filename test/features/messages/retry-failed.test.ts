// Trying again whom a broadcast did not reach: those that failed, once each, and nobody else.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Message, type Recipient } from '../../../src/features/messages/schemas.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { until } from '../../helpers/until.js'

// What the sandbox makes of numbers with these endings.
const invalid = '+16155550660'
const spam = '+16155550667'
const silent = '+16155550669'
const fine = '+16155550111'

async function open (t: Parameters<typeof buildTestApp>[0], phones: string[]) {
  const app = await buildTestApp(t, { carrier: true })
  const organization = await app.signUp()
  await app.addNumber(organization)
  const api = apiOf(app.app, organization)
  const members = new Map<string, string>()
  for (const phone of phones) members.set(phone, (await api<{ id: string }>('POST', '/members', { firstName: 'Ada', lastName: 'O', phone, optIn: { source: 'form' } })).body.id)
  await app.startWorker()
  const { id } = (await api<Message>('POST', '/messages', { text: 'Hello', to: { all: true } })).body
  const read = async (messageId: string) => (await api<Message>('GET', `/messages/${messageId}`)).body
  const failed = async (messageId: string, count: number) => await until(async () => (await read(messageId)).counts['failed'] === count)
  const recipients = async (messageId: string) => (await api<{ items: Recipient[] }>('GET', `/messages/${messageId}/recipients`)).body.items.map(({ phone }) => phone).sort()
  const retry = async (body = {}, messageId = id) => await api<Message>('POST', `/messages/${messageId}/retry-failed`, body)
  return { app, api, id, members, read, failed, recipients, retry }
}

void t.test('only those whose failure may pass are tried again, in a message of their own, once', async (t) => {
  const { id, api, failed, recipients, retry, read } = await open(t, [fine, silent, invalid, spam])
  await failed(id, 2)
  const first = await retry()
  t.match(first, { status: 202, body: { kind: 'broadcast', text: 'Hello', retryOf: id, to: null } })
  t.same(await recipients(first.body.id), [spam])
  t.match(await retry(), { status: 409, code: 'NOTHING_TO_RETRY' })
  const second = await retry({ reasons: 'any' })
  t.same(await recipients(second.body.id), [invalid], 'the other one has been tried again already')
  t.match(await retry({ reasons: 'any' }), { status: 409, code: 'NOTHING_TO_RETRY' })
  await failed(first.body.id, 1)
  t.match(await retry({}, first.body.id), { status: 202, body: { retryOf: first.body.id } }, 'a try that failed may itself be tried again')
  t.match(await read(id), { counts: { failed: 2 }, retryOf: null }, 'what became of the first stays on record')
  t.match(await retry({}, randomUUID()), { status: 404, code: 'MESSAGE_NOT_FOUND' })
  t.match(await api('POST', `/messages/${id}/retry-failed`, { reasons: 'all' }), { status: 400, code: 'VALIDATION_FAILED' })
})

void t.test('who has opted out or is gone since is not tried again', async (t) => {
  const { api, id, members, failed, retry, recipients } = await open(t, [invalid, spam, '+17135550667', '+17135550660'])
  await failed(id, 4)
  await api('PATCH', `/members/${members.get(spam)!}`, { optOut: {} })
  await api('DELETE', `/members/${members.get(invalid)!}`)
  const { body } = await retry({ reasons: 'any' })
  t.same(await recipients(body.id), ['+17135550660', '+17135550667'])
})

void t.test('many requests at once try nobody again twice', async (t) => {
  const { id, failed, retry, recipients } = await open(t, [spam, '+17135550667', '+12125550667'])
  await failed(id, 3)
  const answers = await Promise.all(Array.from({ length: 8 }, () => retry()))
  t.same(answers.map(({ status }) => status).sort(), [202, ...Array.from({ length: 7 }, () => 409)])
  const made = answers.find(({ status }) => status === 202)!
  t.equal((await recipients(made.body.id)).length, 3)
})
