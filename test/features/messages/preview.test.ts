// POST /api/messages/preview: what a message would say, to whom, and what it would cost.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { previewMessage } from '../../../src/features/messages/preview-message.js'
import { type MessagePreview } from '../../../src/features/messages/preview-schema.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp, type BuildOptions } from '../../helpers/build.js'
import { addMembers } from '../../helpers/tenant-database.js'
import { checksumDatabase } from '../../isolation/checksum-database.js'

type Tap = Parameters<typeof buildTestApp>[0]

async function open (t: Tap, config: BuildOptions['config'] = {}) {
  const app = await buildTestApp(t, { config })
  const organization = await app.signUp('church', { name: 'Hope House' })
  const api = apiOf(app.app, organization)
  let line = 1_000
  const addMember = async (firstName: string, fields: object = {}) =>
    (await api<{ id: string }>('POST', '/members', { firstName, lastName: 'Okafor', phone: `+1615555${line++}`, optIn: { source: 'form' }, ...fields })).body.id
  const preview = async (body: object) => await api<MessagePreview>('POST', '/messages/preview', { to: { all: true }, ...body })
  return { app, organization, api, addMember, preview }
}

void t.test('it fills in, counts and prices each text, says who is left out and why, and writes nothing', async (t) => {
  const { app, organization, api, addMember, preview } = await open(t, { PRICE_PER_PART_CENTS: 0.4, PRICE_PER_MMS_CENTS: 1.5 })
  const ada = await addMember('Ada', { tags: ['choir'], custom: { pew: 4 } })
  await addMember('Łucja')
  const pending = await addMember('Pia', { optIn: undefined })
  const out = await addMember('Otto')
  await api('PATCH', `/members/${out}`, { optOut: {} })
  const guest = await addMember('Gus', { tags: ['guest'] })
  const long = await addMember('Lou', { custom: { pew: 'x'.repeat(1_700) } })
  const inTenant = async () => await app.services.tenancy.withTenant(organization.tenantId, checksumDatabase)
  const before = await inTenant()
  const { status, body } = await preview({ text: 'Hi {{firstName}}, you\u2019re in pew {{custom.pew|any}}', to: { all: true, except: { tags: ['guest'] } } })
  t.equal(status, 200)
  t.strictSame(await inTenant(), before)
  t.match(body, { recipients: 2, totalParts: 2, parts: [{ parts: 1, recipients: 2 }], encodings: { gsm7: 0, ucs2: 2 }, costCents: 0.8 })
  t.match(body.sample, [
    { memberId: ada, text: 'Hi Ada, you\u2019re in pew 4', encoding: 'ucs2', parts: 1, variables: [{ name: 'firstName', value: 'Ada', isFallback: false }, { name: 'custom.pew', value: '4', isFallback: false }] },
    { firstName: 'Łucja', variables: [{}, { value: 'any', isFallback: true }] }
  ])
  t.same(body.forcingUcs2, [
    { character: '\u2019', codePoint: 'U+2019', position: 21, replacement: '\'', recipients: 2 },
    { character: 'Ł', codePoint: 'U+0141', position: null, replacement: null, recipients: 1 }
  ])
  t.same(body.leftOut.map(({ reason, count, sample }) => [reason, count, sample.map(({ memberId }) => memberId)]).sort(), [
    ['excepted', 1, [guest]], ['not_opted_in', 1, [pending]], ['opted_out', 1, [out]], ['text_too_long', 1, [long]]
  ])
  t.match((await preview({ text: 'Hi {{firstName}}, you\u2019re here', smartReplace: true })).body, { encodings: { gsm7: 3, ucs2: 1 }, forcingUcs2: [{ character: 'Ł', position: null }] })
  for (const media of [{ mediaUrls: ['https://example.org/a.png'] }, { mediaIds: [randomUUID()] }]) {
    t.match((await preview({ ...media, text: 'x'.repeat(400) })).body, { recipients: 4, totalParts: 4, costCents: 6 }, 'with media it is one multimedia message')
  }
})

void t.test('what it says is what a message sent right after does', async (t) => {
  const { app, organization, api, addMember, preview } = await open(t)
  await app.addNumber(organization)
  for (const [firstName, pew] of [['Ada', 'x'.repeat(170)], ['Noah', '1'], ['Łucja', 'y'.repeat(140)]] as const) await addMember(firstName, { custom: { pew } })
  const message = { text: '{{firstName}}: {{custom.pew}}', to: { all: true } }
  const { body } = await preview(message)
  const sent = await api<{ id: string }>('POST', '/messages', message)
  const { items } = (await api<{ items: Array<{ memberId: string, text: string, encoding: string, parts: number }> }>('GET', `/messages/${sent.body.id}/recipients`)).body
  const by = <One extends { memberId: string }>(list: One[]) => list.map(({ memberId, ...rest }) => ({ memberId, ...rest })).sort((one, other) => one.memberId < other.memberId ? -1 : 1)
  t.match(by(items), by(body.sample).map(({ memberId, text, encoding, parts }) => ({ memberId, text, encoding, parts })))
  t.equal(body.totalParts, items.reduce((sum, { parts }) => sum + parts, 0))
  t.same(body.parts, [{ parts: 1, recipients: 1 }, { parts: 2, recipients: 1 }, { parts: 3, recipients: 1 }])
  t.equal(body.costCents, null, 'no price is set')
})

void t.test('an audience of nobody and a missing number are no faults; what does not exist is', async (t) => {
  const { preview } = await open(t)
  t.match(await preview({ text: 'Hello' }), { status: 200, body: { recipients: 0, totalParts: 0, parts: [], sample: [], leftOut: [] } })
  t.equal((await preview({ text: 'Hello', to: { segmentId: randomUUID() } })).code, 'SEGMENT_NOT_FOUND')
  t.equal((await preview({ text: 'Hello', to: { tags: ['none'] } })).code, 'TAG_NOT_FOUND')
  t.equal((await preview({ text: '{{x}}' })).code, 'VALIDATION_FAILED')
  t.equal((await preview({ templateId: randomUUID() })).code, 'TEMPLATE_NOT_FOUND')
})

void t.test('when the last one leaves is told by quiet hours and the slowest rate together', async (t) => {
  // Eleven minutes to nine in the evening in New York; a minute before nine nothing is begun any more.
  const evening = new Date('2026-03-03T01:49:00Z')
  const app = await buildTestApp(t, { config: { QUIET_HOURS: 'kept' }, clock: { now: () => evening } })
  const organization = await app.signUp()
  const { tenantId } = organization
  await app.addNumber(organization)
  await app.services.tenancy.withTenant(tenantId, (db) => addMembers({ db, fields: fieldCrypto(app.services.keyring, tenantId) }, 700, 'opted_in', 1_000))
  const forecast = async (limits: BuildOptions['config'], message: object = {}) => {
    const services = { ...app.services, config: { ...app.services.config, ...limits } }
    const { deferred, lastLeavesAt } = await app.services.tenancy.withTenant(tenantId, (db, tenant) => previewMessage(services, db, tenant, { text: 'Hello', to: { all: true }, ...message }))
    return [deferred, lastLeavesAt]
  }
  const [atOnce, overNight] = [[0, '2026-03-03T01:49:00.000Z'], [100, '2026-03-03T13:01:40.000Z']]
  t.same(await forecast({}), atOnce)
  t.same(await forecast({ SEND_RATE_LONG_CODE: 2 }), [0, '2026-03-03T01:54:50.000Z'])
  t.same(await forecast({ SEND_RATE_LONG_CODE: 1 }), overNight, 'by the number, six hundred in ten minutes')
  t.same(await forecast({ SEND_RATE_LONG_CODE: 2 }, { text: 'x'.repeat(200) }), overNight, 'in two parts each')
  t.same(await forecast({ SEND_RATE_LONG_CODE: 50, SEND_RATE_CAMPAIGN_PER_MINUTE: 60 }), overNight, 'by the campaign')
  t.same(await forecast({ SEND_RATE_LONG_CODE: 50, SEND_RATE_ACCOUNT_SMS: 1 }), overNight, 'by the account')
  t.same(await forecast({ SEND_RATE_ACCOUNT_MMS: 1 }), atOnce, 'which limits picture messages apart')
  t.same(await forecast({ SEND_RATE_ACCOUNT_MMS: 1 }, { mediaUrls: ['https://example.org/a.png'] }), overNight)
  t.same(await forecast({ SEND_RATE_BRAND_PER_DAY: 300 }), [400, '2026-03-04T13:00:00.000Z'], 'by the brand, on three days of the carriers')
  t.same(await forecast({ SEND_RATE_BRAND_PER_DAY: 300, SEND_RATE_LONG_CODE: 1 }), [400, '2026-03-04T13:01:40.000Z'])
  t.same(await forecast({ SEND_RATE_LONG_CODE: 1, QUIET_HOURS: 'ignored' }), [0, '2026-03-03T02:00:40.000Z'])
})
