// The page of phones in a real browser: pictures and files that come with texts, and those that go out.
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import t from 'tap'
import { picture, smallPng } from '../helpers/upload.js'
import { openBrowser, phone, skip } from './phone-desk.js'
import { getJson, postJson, until } from './receive-webhooks.js'

const desk = openBrowser(t)

await t.test('Pictures come and go: shown in place with words for who cannot see them, attached by keyboard, anything else a link', { skip }, async (t) => {
  const it = await desk(t, { width: 360, height: 740 })
  const png = await smallPng()
  const files = createServer(({ url }, response) => { response.setHeader('content-disposition', `inline; filename="${url?.slice(1) ?? ''}"`).end(url === '/map.png' ? png : 'BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n') })
  await new Promise<void>((resolve) => { files.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { files.closeAllConnections(); files.close() })
  const at = `http://127.0.0.1:${(files.address() as AddressInfo).port}`
  await postJson(`${it.carrier.baseUrl}/messages`, { from: it.from, to: '+16155550142', text: 'The way', media_urls: [`${at}/map.png`, `${at}/pastor.vcf`] })
  const ruth = phone(it, '(615) 555-0142')
  const drawn = (name: string) => until(async () => await it.page.evaluate<number | undefined>(`[...document.images].find(({ alt, complete }) => complete && alt === '${name}')?.naturalWidth`))
  t.equal(await drawn('Picture 1 of 2 from the service: map.png'), 20)
  await ruth.getByRole('link', { name: 'File: pastor.vcf, 1 KB' }).waitFor()

  const attach = ruth.getByLabel('Attach a picture to the text from (615) 555-0142')
  await ruth.getByRole('textbox').focus()
  await it.page.keyboard.press('Shift+Tab')
  t.equal(await it.page.evaluate('document.activeElement.getAttribute("aria-label")'), 'Attach a picture to the text from (615) 555-0142')
  t.not(await it.page.evaluate('getComputedStyle(document.activeElement.parentElement).outlineStyle'), 'none')
  await attach.setInputFiles({ name: 'bread.png', mimeType: 'image/png', buffer: png })
  await ruth.getByText('bread.png, 1 KB').waitFor()
  await ruth.getByRole('button', { name: 'Remove the picture' }).click()
  t.notOk(await ruth.getByText('bread.png').isVisible())
  await attach.setInputFiles({ name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('no picture') })
  await ruth.getByRole('alert').getByText('Not attached.').waitFor()
  const photo = await (await picture(2_400, 1_200)).jpeg({ quality: 95 }).toBuffer()
  t.ok(photo.length > 1_000_000)
  await attach.setInputFiles({ name: 'photo.jpg', mimeType: 'image/jpeg', buffer: photo })
  await ruth.getByText(/photo\.jpg, /).waitFor()
  t.equal(await it.page.evaluate('document.documentElement.scrollWidth'), 360)
  await ruth.getByRole('textbox').focus()
  await it.page.keyboard.press('Enter')
  t.equal(await drawn('Picture from this phone'), 1_600)
  t.notOk(await ruth.getByText('photo.jpg').isVisible(), 'nothing is attached to the next text')
  t.match(await getJson(`${it.carrier.url}/sandbox/messages?from=%2B16155550142`), { items: [{ text: '', media: [{ type: 'image/jpeg', width: 1_600, height: 800 }] }] })
  t.match(it.faults, [/415/], 'nothing but the file that is no picture')
})
