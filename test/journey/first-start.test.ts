// The whole way once, as a stranger walks it: the first start, the tour of the README by curl, the phones in a browser, and starting again.
import t from 'tap'
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import { packageRoot } from '../../src/config.js'
import { chromiumArguments, chromiumPath, skipWithoutChromium } from '../helpers/chromium.js'
import { type StartedService, startService } from '../helpers/started-service.js'
import { until } from '../helpers/until.js'

const run = promisify(execFile)
const home = t.testdir()
let service: StartedService | undefined
t.teardown(async () => {
  await service?.stop()
  rmSync(home, { recursive: true, force: true })
})

const running = (): StartedService => {
  if (service === undefined) throw new Error('the service did not start')
  return service
}

await t.test('the first start makes a demo church, and the curl it prints texts its members', async (t) => {
  const began = Date.now()
  service = await startService(home)
  t.comment(`first start took ${Date.now() - began} ms`)
  const command = /^curl (?:.*\\\n)*.*$/m.exec(service.output())?.[0] ?? 'false'
  const { stdout } = await run('bash', ['-c', `${command} --silent`])
  const { id, counts } = JSON.parse(stdout) as { id: string, counts: { queued: number } }
  t.ok(id)
  t.equal(counts.queued, 3)
  await until(async () => {
    const sent = await (await fetch(`${running().url}/sandbox/messages?to=%2B16155550101`)).json() as { items: Array<{ text: string, status: string }> }
    return sent.items.some(({ text, status }) => text.startsWith('Choir practice') && status === 'delivered') || undefined
  }, 15_000)
})

await t.test('the tour of the README does what it says, by curl alone', async (t) => {
  const tour = readFileSync(join(packageRoot, 'README.md'), 'utf8').split('## The tour, by curl')[1]?.split('\n## ')[0] ?? ''
  const blocks = [...tour.matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block)
  t.equal(blocks.length, 13)
  const script = ['set -e', ...blocks].join('\necho "=== next"\n').replaceAll('http://127.0.0.1:3000', running().url)
  const { stdout } = await run('bash', ['-c', script])
  const answers = stdout.split('=== next\n').slice(1).map((part) => part.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as never))
  const [, , numbers = [], members = [], previewed = [], messages = [], inbox = [], afterStop = [], steered = [], shared = [], recurring = [], letters = []] = answers as Array<Array<Record<string, never>>>
  t.match(numbers.at(-1), { items: [{ status: 'active' }] })
  t.equal(members.length, 6)
  for (const member of members) t.match(member, { id: String, phone: /^\+1615555015|^\+1615555014/, optInState: 'opted_in' })
  t.match(previewed[0], { totalParts: 3 })
  t.match(messages.at(-1), { status: 'sent', counts: { delivered: 3, queued: 0, unknown: 0 } })
  t.match(inbox.at(-2), { items: [{ lastMessagePreview: 'We will be there!', unreadCount: 1 }] })
  t.strictSame(inbox.at(-1), { items: [], nextCursor: null })
  t.match(afterStop[0], { direction: 'outbound', text: 'See you there, Ruth.' })
  t.match(afterStop.at(-2), { counts: { delivered: 2 } }, 'the broadcast after STOP passes Ruth by')
  t.match(steered, [{ status: 'paused' }, { status: 'scheduled' }, { status: 'cancelled' }])
  t.match(shared.at(-1), { changed: Number })
  t.equal((recurring[0] as unknown as { nextOccurrences: unknown[] }).nextOccurrences.length, 10)
  t.match(recurring.at(-1), { status: 'paused' })
  t.match(letters.at(-1), { status: 'resolved', outcome: 'resent' })
  t.match(stdout, /event: message\.received/)
  const texts = (afterStop.at(-1) as unknown as { items: Array<{ text: string }> }).items.map(({ text }) => text)
  t.match(texts, ['Service starts at 10 this Sunday.', 'See you there, Ruth.', /Hope Church.*START/], 'and the one confirmation is the last text on her phone')
  t.equal(texts.length, 3)
})

await t.test('the same by hand on the page of phones', { skip: skipWithoutChromium }, async (t) => {
  const { url } = running()
  const call = async <Answer> (path: string, body?: object, token?: string): Promise<Answer> => {
    const headers = { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
    const answer = await fetch(`${url}/api${path}`, body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
    return await answer.json() as Answer
  }
  const { accessToken } = await call<{ accessToken: string }>('/auth/register', {
    email: 'kim@river.example', password: 'correct horse battery', firstName: 'Kim', lastName: 'Lee', churchName: 'River Church'
  })
  const { items: [free] } = await call<{ items: Array<{ phoneNumber: string }> }>('/numbers/available?areaCode=312', undefined, accessToken)
  await call('/numbers', { phoneNumber: free?.phoneNumber }, accessToken)
  await until(async () => (await call<{ items: Array<{ status: string }> }>('/numbers', undefined, accessToken)).items[0]?.status === 'active' || undefined, 15_000)
  for (const [index, firstName] of ['Ada', 'Ben', 'Cyd'].entries()) {
    await call('/members', { firstName, lastName: 'River', phone: `(312) 555-017${index}`, optIn: { source: 'form', note: 'Welcome card' } }, accessToken)
  }

  const browser = await chromium.launch({ executablePath: chromiumPath ?? '', args: chromiumArguments })
  t.teardown(() => browser.close())
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } })
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  await page.goto(`${url}/sandbox`)
  await call('/messages', { text: 'Picnic on Saturday at noon.', to: { all: true } }, accessToken)
  for (const ending of ['0170', '0171', '0172']) {
    const phone = page.getByRole('article', { name: `(312) 555-${ending}` })
    await phone.getByText('Picnic on Saturday at noon.').waitFor()
    await phone.getByText('Delivered').first().waitFor({ state: 'attached' })
  }

  const ada = page.getByRole('article', { name: '(312) 555-0170' })
  await ada.getByRole('textbox').fill('I will bring bread.')
  await ada.getByRole('textbox').press('Enter')
  const conversation = await until(async () => (await call<{ items: Array<{ id: string, unreadCount: number }> }>('/conversations', undefined, accessToken)).items[0], 15_000)
  t.equal(conversation.unreadCount, 1)
  await call(`/conversations/${conversation.id}/messages`, { text: 'Lovely, thank you!' }, accessToken)
  await ada.getByText('Lovely, thank you!').waitFor()

  await ada.getByRole('button', { name: 'STOP' }).click()
  await ada.getByText(/River Church.*START/).waitFor()
  const { id } = await call<{ id: string }>('/messages', { text: 'Bring umbrellas.', to: { all: true } }, accessToken)
  await page.getByRole('article', { name: '(312) 555-0171' }).getByText('Bring umbrellas.').waitFor()
  await until(async () => (await call<{ counts: { delivered: number } }>(`/messages/${id}`, undefined, accessToken)).counts.delivered === 2 || undefined, 15_000)
  t.equal(await ada.getByText('Bring umbrellas.').count(), 0, 'Ada hears nothing of it')

  mkdirSync(join(packageRoot, 'artifacts'), { recursive: true })
  await page.screenshot({ path: join(packageRoot, 'artifacts', 'phones.png') })
  t.same(faults, [])
})

await t.test('it stops on Ctrl-C, starts again after kill -9, and has lost nothing', async (t) => {
  t.equal(await running().stop(), 0)
  service = await startService(home)
  await running().kill()
  service = await startService(home)
  const { items } = await (await fetch(`${running().url}/sandbox/messages?to=%2B16155550142`)).json() as { items: Array<{ text: string }> }
  t.match(items, [{ text: 'Service starts at 10 this Sunday.' }, { text: 'Potluck on Friday.' }])
  t.match(running().output(), /Demo church {2}demo@koinonia\.example/)
})
