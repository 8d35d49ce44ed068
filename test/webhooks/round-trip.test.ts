// The whole way round with the real worker and the sandbox carrier: a text out, a reply in, an answer, and a STOP that the next broadcast respects.
import t from 'tap'
import { buildTestApp } from '../helpers/build.js'
import { until } from '../helpers/until.js'

interface Counted { id: string, counts: Record<string, number> }

await t.test('a reply reaches the right inbox, its answer one person, and after STOP a broadcast passes them by', async (t) => {
  const test = await buildTestApp(t, { carrier: true })
  const church = await test.signUp('church', { name: 'Grace Chapel' })
  const studio = await test.signUp('studio', { name: 'Studio Nord' })
  const { number } = await test.addNumber(church)
  await test.addNumber(studio)
  await test.startWorker()
  const api = async <Answer>(method: 'GET' | 'POST', url: string, payload?: object, headers = church.headers): Promise<Answer> =>
    (await test.app.inject({ method, url: `/api${url}`, headers, ...(payload === undefined ? {} : { payload }) })).json<Answer>()
  const phones = ['+16155551001', '+16155551002', '+16155551003']
  for (const phone of phones) await api('POST', '/members', { firstName: 'Ada', lastName: phone, phone, optIn: { source: 'form' } })
  const broadcast = async (text: string, delivered: number) => {
    const { id } = await api<Counted>('POST', '/messages', { text, to: { all: true } })
    return until(async () => {
      const { counts } = await api<Counted>('GET', `/messages/${id}`)
      return counts['delivered'] === delivered ? counts : undefined
    })
  }
  const phoneOf = async (to: string) => {
    const response = await fetch(`${test.carrier?.url ?? ''}/sandbox/messages?to=${encodeURIComponent(to)}&from=${encodeURIComponent(number)}`)
    return (await response.json() as { items: Array<{ text: string }> }).items.map(({ text }) => text)
  }
  const textIn = async (from: string, text: string) => fetch(`${test.carrier?.url ?? ''}/sandbox/inbound`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ from, to: number, text }) })
  const inbox = async () => (await api<{ items: Array<{ id: string, lastMessagePreview: string }> }>('GET', '/conversations')).items

  await broadcast('Service at ten', 3)
  await textIn('+16155551002', 'Is there coffee?')
  const conversation = await until(async () => (await inbox())[0])
  t.equal(conversation.lastMessagePreview, 'Is there coffee?')
  t.same(await api('GET', '/conversations', undefined, studio.headers), { items: [], nextCursor: null })
  await api('POST', `/conversations/${conversation.id}/messages`, { text: 'Of course.' })
  await until(async () => (await phoneOf('+16155551002')).length === 2 || undefined)
  t.same((await phoneOf('+16155551002')).toSorted(), ['Of course.', 'Service at ten'])
  t.same(await phoneOf('+16155551001'), ['Service at ten'])

  await textIn('+16155551002', 'Stop')
  await until(async () => (await phoneOf('+16155551002')).length === 3 || undefined)
  await broadcast('Service at eleven', 2)
  t.notOk((await phoneOf('+16155551002')).includes('Service at eleven'))
  t.ok((await phoneOf('+16155551003')).includes('Service at eleven'))
})
