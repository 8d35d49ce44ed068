// What an organization says by itself: it may be put in its own words, never without the wording that carriers ask for.
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { defaultHelp, defaultWelcome, wordingFault } from '../../../src/features/settings/own-texts.js'
import { type MessagingSettings } from '../../../src/features/settings/schemas.js'
import { apiOf } from '../../helpers/api.js'
import { inTenant, openGround } from '../../webhooks/ground.js'
import { inboundBody, post } from '../../webhooks/post-telnyx.js'

const ground = await openGround(t)
const church = await ground.newOrganization('Grace Chapel')
const api = apiOf(ground.app, church)
const fields = fieldCrypto(ground.services.keyring, church.tenantId)
let nextPhone = 1000
const newPhone = (): string => `+1615557${nextPhone++}`
const add = async (phone: string, more: object = { optIn: { source: 'form' } }) => (await api<{ id: string, optInState: string }>('POST', '/members', { firstName: 'Ada', lastName: 'Okafor', phone, ...more })).body
const enable = async (enabled: boolean) => await api('PATCH', '/settings/messaging', { welcome: { enabled } })

async function textsTo (phone: string) {
  return await inTenant(ground, church, (db) => db.selectFrom('message_recipients as r').innerJoin('messages as m', 'm.id', 'r.message_id').leftJoin('message_queue as q', 'q.message_id', 'm.id')
    .select(['m.kind', 'm.text', 'm.from_number', 'r.member_id', 'r.status', 'q.lane']).where('r.phone_hash', '=', fields.blindIndex(phone)).orderBy('m.id').execute())
}

async function say (from: string, text: string): Promise<void> {
  await post(ground.app, { body: inboundBody({ from, to: church.number, text }) })
  await ground.process()
}

await t.test('our own texts have the required wording', (t) => {
  t.equal(wordingFault(defaultWelcome, 'optIn'), undefined)
  t.equal(wordingFault(defaultHelp, 'help'), undefined)
  t.end()
})

await t.test('a text is kept, taken back with null, and refused without what it must say', async (t) => {
  const start = { welcome: { enabled: false, text: defaultWelcome }, helpText: defaultHelp }
  t.same((await api('GET', '/settings/messaging')).body, start)
  const text = 'Welcome! Message and data rates may apply. HELP helps, STOP ends.'
  t.same((await api('PATCH', '/settings/messaging', { welcome: { text } })).body, { ...start, welcome: { enabled: false, text } })
  t.same((await api('PATCH', '/settings/messaging', { welcome: { enabled: true } })).body, { ...start, welcome: { enabled: true, text } })
  t.same((await api('PATCH', '/settings/messaging', { welcome: { enabled: false, text: null } })).body, start)
  const refused: Array<[object, string, RegExp]> = [
    [{ welcome: { text: 'Msg & data rates may apply. Reply HELP for help.' } }, '/body/welcome/text', /STOP/],
    [{ welcome: { text: 'Msg & data rates may apply. STOP ends.' } }, '/body/welcome/text', /HELP/],
    [{ welcome: { text: 'HELP helps, STOP ends.' } }, '/body/welcome/text', /data rates/],
    [{ helpText: 'Call 615-555-0100. Msg&data rates may apply. We will stop at nothing.' }, '/body/helpText', /STOP/],
    [{ helpText: `Hi {{firstName}}! ${defaultHelp}` }, '/body/helpText', /variables/]
  ]
  for (const [body, path, message] of refused) t.match(await api('PATCH', '/settings/messaging', body), { code: 'VALIDATION_FAILED', body: { errors: [{ path, message }] } })
  for (const body of [{}, { welcome: {} }, { helpText: '' }, { helpText: 'x'.repeat(481) }]) t.equal((await api('PATCH', '/settings/messaging', body)).code, 'VALIDATION_FAILED')
  t.same((await api('GET', '/settings/messaging')).body, start)
})

await t.test('HELP is answered in the organization\'s own words, after its name', async (t) => {
  const phone = newPhone()
  await api('PATCH', '/settings/messaging', { helpText: 'Call 615-555-0100. Msg & data rates may apply. Reply STOP to opt out.' })
  await say(phone, 'help')
  t.match(await textsTo(phone), [{ kind: 'auto_reply', text: 'Grace Chapel: Call 615-555-0100. Msg & data rates may apply. Reply STOP to opt out.', lane: 0 }])
})

await t.test('nobody is welcomed unless it is turned on', async (t) => {
  const phone = newPhone()
  await add(phone)
  t.same(await textsTo(phone), [])
})

await t.test('who is put on record as opted in is welcomed, once for their number for ever', async (t) => {
  await enable(true)
  const phone = newPhone()
  const { id } = await add(phone)
  const welcome = { kind: 'welcome', text: `Grace Chapel: ${defaultWelcome}`, from_number: church.number, member_id: id, status: 'queued', lane: 1 }
  t.same(await textsTo(phone), [welcome])
  t.match(await ground.registry.query("SELECT key FROM graphile_worker.jobs WHERE key LIKE 'dispatch%'"), [{}, {}, {}], 'a visit, its net and the net\'s deputy')
  await api('PATCH', `/members/${id}`, { optIn: { source: 'form' } })
  await api('DELETE', `/members/${id}`)
  await add(phone)
  t.equal((await textsTo(phone)).length, 1)

  const later = newPhone()
  const pending = await add(later, {})
  t.same(await textsTo(later), [])
  await api('PATCH', `/members/${pending.id}`, { optIn: { source: 'form' } })
  t.match(await textsTo(later), [{ kind: 'welcome', member_id: pending.id }])
  const third = newPhone()
  await api('POST', `/members/${(await add(third, {})).id}/consent`, { action: 'granted', source: 'form' })
  t.match(await textsTo(third), [{ kind: 'welcome' }])
})

await t.test('who has opted out is not welcomed, and who opts out before it leaves does not get it', async (t) => {
  const out = newPhone()
  await say(out, 'STOP')
  t.equal((await add(out)).optInState, 'opted_out')
  t.match((await textsTo(out)).map(({ kind }) => kind), ['confirmation'])
  const quick = newPhone()
  await add(quick)
  await say(quick, 'STOP')
  t.match((await textsTo(quick)).map(({ kind, status }) => [kind, status]), [['welcome', 'cancelled'], ['confirmation', 'queued']])
})

await t.test('without a number to text from nobody is welcomed, and everybody is added', async (t) => {
  const studio = await ground.signUp('studio')
  const theirs = apiOf(ground.app, studio)
  await theirs('PATCH', '/settings/messaging', { welcome: { enabled: true } })
  const phone = newPhone()
  t.equal((await theirs('POST', '/members', { firstName: 'Ada', lastName: 'Okafor', phone, optIn: { source: 'form' } })).status, 201)
  t.same((await theirs<MessagingSettings>('GET', '/settings/messaging')).body.welcome, { enabled: true, text: defaultWelcome })
  await ground.addNumber(studio)
  const { body: { items: [member] } } = await theirs<{ items: Array<{ id: string }> }>('GET', '/members')
  await theirs('PATCH', `/members/${member?.id ?? ''}`, { optIn: { source: 'form' } })
  t.equal((await theirs<{ items: unknown[] }>('GET', '/messages?kind=welcome')).body.items.length, 1, 'it is made up for at the next opt-in')
})

await t.test('a welcome leaves in the member\'s daytime', async (t) => {
  const night = new Date('2026-03-02T07:30:00Z')
  const quiet = await openGround(t, { QUIET_HOURS: 'kept' }, { now: () => night })
  const chapel = await quiet.newOrganization('Night Chapel')
  const theirs = apiOf(quiet.app, chapel)
  await theirs('PATCH', '/settings/messaging', { welcome: { enabled: true } })
  await theirs('POST', '/members', { firstName: 'Ada', lastName: 'Okafor', phone: '+16155550100', timeZone: 'America/Chicago', optIn: { source: 'form' } })
  t.match(await inTenant(quiet, chapel, (db) => db.selectFrom('message_queue').select(['not_before', 'quiet_from', 'time_zone', 'region', 'deferred']).execute()), [
    { not_before: new Date('2026-03-02T14:00:00Z'), quiet_from: Date, time_zone: 'America/Chicago', region: 'TN', deferred: true }
  ])
})

await t.test('one number added by many at once is welcomed once', async (t) => {
  const phone = newPhone()
  await Promise.all(Array.from({ length: 5 }, async () => await add(phone)))
  t.equal((await textsTo(phone)).length, 1)
  await enable(false)
})
