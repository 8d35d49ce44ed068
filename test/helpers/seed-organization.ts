// An organization with something in every list, all of it made through the API and the sandbox's phones.
import { randomInt } from 'node:crypto'
import { fieldCrypto } from '../../src/crypto/fields.js'
import { addDeadLetter } from '../../src/features/dead-letters/add-dead-letter.js'
import { apiOf, type Api } from './api.js'
import { type TestApp } from './build.js'
import { importCsv } from './import.js'
import { type SignedUp } from './sign-up.js'
import { until } from './until.js'
import { upload } from './upload.js'

export interface SeededOrganization {
  organization: SignedUp
  api: Api
  /** One id of each kind, by the name of its list under /api. */
  ids: { branches: string, members: string, tags: string, numbers: string, messages: string, conversations: string, conversationMessages: string, 'dead-letters': string, segments: string, templates: string, 'recurring-messages': string, media: string, keywords: string, 'members/imports': string }
  /** The number it texts from. */
  number: string
  members: Array<{ id: string, phone: string }>
  /** Words and numbers that belong to it alone: none may show up anywhere else. */
  ownWords: string[]
  /** A text from one of its members' phones to its number. */
  textIn: (phone: string, text: string) => Promise<void>
}

/** Needs the carrier and a running worker. `word` is put into every name and text, so that it can be searched for. */
export async function seedOrganization (app: TestApp, kind: 'church' | 'studio', word: string): Promise<SeededOrganization> {
  const organization = await app.signUp(kind, { name: `${word} House`, firstName: `${word}Ruth`, lastName: `${word}Miller` })
  const api = apiOf(app.app, organization)
  const make = async (path: string, body: object): Promise<string> => {
    const answer = await api<{ id: string }>('POST', path, body)
    if (answer.status >= 300) throw new Error(`${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    return answer.body.id
  }
  const branch = await make('/branches', { name: `${word} Campus`, address: `1 ${word} Street` })
  const tag = await make('/tags', { name: `${word} choir` })
  const { id: numberId, number } = await buyNumber(api)
  const firstPhone = randomInt(1000, 9000)
  const members = await Promise.all([0, 1, 2].map(async (n) => {
    const phone = `+1615555${firstPhone + n}`
    const fields = { firstName: `${word}Ada${n}`, lastName: `${word}Okafor`, email: `${word}.${n}@example.org`, branchIds: [branch], tags: [`${word} choir`] }
    return { phone, id: await make('/members', { ...fields, phone, optIn: { source: 'form', note: `${word} card` } }) }
  }))
  const { ended: imported } = await importCsv(app.app, organization, `phone,first name\n${members[0]?.phone ?? ''},${word}Ada0\n`)
  const segment = await make('/segments', { name: `${word} singers`, filter: { match: 'all', conditions: [{ field: 'tags', op: 'any', values: [`${word} choir`] }] } })
  const recurring = await make('/recurring-messages', { name: `${word} weekly`, rule: 'FREQ=WEEKLY', time: '09:00', text: `${word} again`, to: { all: true } })
  const template = await make('/templates', { name: `${word} note`, category: word, text: `Hi {{firstName}} from ${word}` })
  const keyword = await make('/keywords', { word: `${word} serve`, action: 'add_tag', tag: `${word} choir`, replyText: `${word} thanks you` })
  const textIn = async (phone: string, text: string) => { await postJson(`${app.carrier?.url ?? ''}/sandbox/inbound`, { from: phone, to: number, text }) }
  const { body: media } = await upload(app.app, organization, { content: Buffer.from(`BEGIN:VCARD\r\nVERSION:3.0\r\nFN:${word} House\r\nEND:VCARD\r\n`), name: `${word}.vcf` })
  const message = await make('/messages', { text: `${word} service at ten`, to: { all: true } })
  await until(async () => (await api<{ counts: { delivered: number } }>('GET', `/messages/${message}`)).body.counts.delivered === members.length)
  await textIn(members[0]?.phone ?? '', `${word} will be there`)
  const [conversation] = await until(async () => {
    const { items } = (await api<{ items: Array<{ id: string }> }>('GET', '/conversations')).body
    return items.length > 0 && items
  })
  const [text] = (await api<{ items: Array<{ id: string }> }>('GET', `/conversations/${conversation?.id ?? ''}/messages`)).body.items
  return {
    organization,
    api,
    number,
    members,
    textIn,
    ids: { branches: branch, members: members[0]?.id ?? '', tags: tag, numbers: numberId, messages: message, conversations: conversation?.id ?? '', conversationMessages: text?.id ?? '', 'dead-letters': await addLetter(app, organization, word), segments: segment, templates: template, 'recurring-messages': recurring, media: media.id, keywords: keyword, 'members/imports': imported.id },
    ownWords: [word, organization.tenantId, organization.email, number, ...members.map(({ phone }) => phone)]
  }
}

/** What fails for good fails seldom: written as the service writes it. */
async function addLetter ({ services }: TestApp, { tenantId }: SignedUp, word: string): Promise<string> {
  return await services.tenancy.withTenant(tenantId, async (db) => {
    await addDeadLetter(db, fieldCrypto(services.keyring, tenantId), { category: 'webhook_inbound', source: 'telnyx:0', error: `${word} failed`, attempts: 8, payload: `${word} said` })
    return (await db.selectFrom('dead_letter_queue').select('id').executeTakeFirstOrThrow()).id
  })
}

async function buyNumber (api: Api): Promise<{ id: string, number: string }> {
  const available = await api<{ items: Array<{ phoneNumber: string }> }>('GET', '/numbers/available?areaCode=615&limit=50')
  const chosen = available.body.items[randomInt(available.body.items.length)]?.phoneNumber ?? ''
  const bought = await api<{ id: string }>('POST', '/numbers', { phoneNumber: chosen })
  await until(async () => (await api<{ status: string }>('GET', `/numbers/${bought.body.id}`)).body.status === 'active')
  return { id: bought.body.id, number: chosen }
}

async function postJson (url: string, body: object): Promise<void> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${url} was answered ${response.status}: ${await response.text()}`)
}
