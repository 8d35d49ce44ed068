// The page of phones in a real browser: texts arrive, replies go out, by keyboard alone and on a narrow screen.
import t from 'tap'
import { startCarrier } from '../../src/sandbox/carrier/start-carrier.js'
import { openBrowser, phone, send, skip } from './phone-desk.js'
import { buyNumber, getJson, until } from './receive-webhooks.js'

const desk = openBrowser(t)

await t.test('A text appears on its phone with its delivery mark, and the reply reaches the service', { skip }, async (t) => {
  const it = await desk(t)
  await it.page.getByText('No texts yet').waitFor()
  await send(it, '+16155550142', 'Service moves to 10:30.')
  await send(it, '+16155550666', 'You will never read this.')
  const log = phone(it, '(615) 555-0142').getByRole('log', { name: /Texts between \(615\) 555-0142 and Test, \(615\) 555-0100/ })
  await log.getByText('Service moves to 10:30.').waitFor()
  await log.getByText('Delivered').waitFor({ state: 'attached' })
  await phone(it, '(615) 555-0666').getByText('Not delivered: Not routable (40001)').waitFor()

  await phone(it, '(615) 555-0142').getByRole('textbox').fill('Thank you!')
  await phone(it, '(615) 555-0142').getByRole('button', { name: 'Send' }).click()
  await log.getByText('Thank you!').waitFor()
  await log.getByText('The service has it').waitFor({ state: 'attached' })
  t.match(await getJson(`${it.carrier.url}/sandbox/messages?from=%2B16155550142`), { items: [{ text: 'Thank you!', to: it.from, status: 'delivered' }] })

  await phone(it, '(615) 555-0142').getByRole('button', { name: 'STOP' }).click()
  await log.getByText('This phone: STOP').waitFor()
  t.same(it.faults, [])
})

await t.test('By keyboard alone: add a phone, text the service, and always see the focus', { skip }, async (t) => {
  const it = await desk(t)
  const focused = () => it.page.evaluate('document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim()')
  await it.page.keyboard.press('Tab')
  t.equal(await focused(), 'Skip to the phones')
  await it.page.keyboard.press('Tab')
  await it.page.keyboard.type('12')
  await it.page.keyboard.press('Enter')
  await it.page.getByRole('alert').getByText('Type ten digits').waitFor()
  await it.page.keyboard.press('Control+A')
  await it.page.keyboard.type('615 555 0188')
  await it.page.keyboard.press('Enter')
  t.equal(await focused(), 'Text message from (615) 555-0188')
  t.not(await it.page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'none')
  await it.page.keyboard.type('Hello?')
  await it.page.keyboard.press('Enter')
  await phone(it, '(615) 555-0188').getByText('This phone: Hello?').waitFor()
  await it.page.keyboard.press('Tab')
  t.equal(await focused(), 'Send')
  t.same(it.faults, [])
})

await t.test('A phone that hears from two numbers keeps two conversations apart', { skip }, async (t) => {
  const it = await desk(t)
  const other = await buyNumber(it.carrier, 'http://127.0.0.1:9/hook', '+15125550152')
  await send(it, '+16155550142', 'From the church.')
  await phone(it, '(615) 555-0142').getByText('From the church.').waitFor()
  await send({ ...it, from: other }, '+16155550142', 'From the studio.')
  await phone(it, '(615) 555-0142').getByText('New in another conversation').waitFor()
  t.notOk(await phone(it, '(615) 555-0142').getByText('From the studio.').isVisible())
  await phone(it, '(615) 555-0142').getByRole('combobox').selectOption(other)
  await phone(it, '(615) 555-0142').getByText('From the studio.').waitFor()
  t.notOk(await phone(it, '(615) 555-0142').getByText('From the church.').isVisible())

  // Nobody listens behind the studio's number.
  await phone(it, '(615) 555-0142').getByRole('button', { name: 'HELP' }).click()
  await phone(it, '(615) 555-0142').getByText('webhook did not take it').waitFor()
})

await t.test('At 360 pixels nothing is cut off, and a broadcast shows a dozen phones and finds the rest', { skip }, async (t) => {
  const it = await desk(t, { width: 360, height: 740 })
  await Promise.all(Array.from({ length: 30 }, (_, index) => send(it, `+1615555${2000 + index}`, 'A long word: ' + 'congregation'.repeat(8))))
  await it.page.getByRole('button', { name: 'Show more phones (18 not shown)' }).waitFor()
  t.equal(await it.page.getByRole('article').count(), 12)
  t.equal(await it.page.evaluate('document.documentElement.scrollWidth'), 360)
  await it.page.getByLabel('Find a phone').fill('2029')
  await phone(it, '(615) 555-2029').waitFor()
  await until(async () => await it.page.getByRole('article').count() === 1 || undefined)
  t.equal(await it.page.getByText('30', { exact: true }).count(), 1)
  t.same(it.faults, [])
})

await t.test('The page loads under a policy that allows no inline script and nothing from elsewhere', async (t) => {
  const carrier = await startCarrier()
  t.teardown(() => carrier.close())
  const answer = await fetch(`${carrier.url}/sandbox`)
  const policy = answer.headers.get('content-security-policy') ?? ''
  t.match(policy, /default-src 'none'/)
  t.match(policy, /img-src 'self';/, 'pictures are the copies the carrier keeps')
  t.notMatch(policy, /unsafe/)
  const html = await answer.text()
  t.notMatch(html, /<script(?![^>]* src=)|style=|\son\w+=/)
  for (const [, path = ''] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    t.equal((await fetch(carrier.url + path)).status, 200, path)
  }
  t.equal((await fetch(`${carrier.url}/sandbox/page/..%2F..%2Fcarrier.ts`)).status, 404)
})
