// What STOP, START, YES and HELP do to a person's consent, to what waits for them, and which single answer they get.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { queueText } from '../../../src/features/messages/queue-text.js'
import { addMember, inTenant, openGround, type Organization } from '../../webhooks/ground.js'
import { inboundBody, post } from '../../webhooks/post-telnyx.js'

const ground = await openGround(t)
const church = await ground.newOrganization('Grace Chapel')
let nextPhone = 1000
const newPhone = (): string => `+1615555${nextPhone++}`

interface Said { at?: string, autoresponse_type?: string }

async function say (from: string, text: string, { at = new Date().toISOString(), ...rest }: Said = {}, to: Organization = church): Promise<void> {
  await post(ground.app, { body: inboundBody({ from, to: to.number, text, receivedAt: at, ...rest }) })
  await ground.process()
}

async function answersTo (phone: string) {
  const phoneHash = fieldCrypto(ground.services.keyring, church.tenantId).blindIndex(phone)
  return inTenant(ground, church, (db) => db.selectFrom('message_recipients as r').innerJoin('messages as m', 'm.id', 'r.message_id').leftJoin('message_queue as q', 'q.message_id', 'm.id')
    .select(['m.kind', 'm.text', 'm.from_number', 'r.status', 'q.lane']).where('r.phone_hash', '=', phoneHash).orderBy('m.id').execute())
}

async function stateOf (memberId: string, organization: Organization = church): Promise<string> {
  return inTenant(ground, organization, async (db) => (await db.selectFrom('members').select('opt_in_state').where('id', '=', memberId).executeTakeFirstOrThrow()).opt_in_state)
}

async function consentOf (phone: string) {
  const phoneHash = fieldCrypto(ground.services.keyring, church.tenantId).blindIndex(phone)
  return inTenant(ground, church, (db) => db.selectFrom('consent_logs').select(['member_id', 'action', 'source', 'evidence']).where('phone_hash', '=', phoneHash).orderBy('id').execute())
}

await t.test('STOP opts out, cancels what waits, and is confirmed exactly once, past the opt-out', async (t) => {
  const phone = newPhone()
  const member = await addMember(ground, church, phone)
  const fields = fieldCrypto(ground.services.keyring, church.tenantId)
  await inTenant(ground, church, (db) => queueText(db, {
    kind: 'reply', lane: 'reply', text: 'waits', from: church.number, recipient: { memberId: member, phoneHash: fields.blindIndex(phone), phoneCipher: fields.encrypt(phone) }
  }))
  await say(phone, ' Stop! ')
  t.equal(await stateOf(member), 'opted_out')
  t.match(await answersTo(phone), [
    { text: 'waits', status: 'cancelled', lane: null },
    { kind: 'confirmation', text: /^Grace Chapel: .*no more messages.*START/, from_number: church.number, status: 'queued', lane: 0 }
  ])
  await say(phone, 'STOP')
  await say(phone, 'unsubscribe')
  t.equal((await answersTo(phone)).length, 2)
  t.match(await consentOf(phone), [
    { member_id: member, action: 'withdrawn', source: 'keyword', evidence: { words: ' Stop! ', providerMessageId: /./, receivedAt: /Z$/ } }, { action: 'withdrawn' }, { action: 'withdrawn' }
  ])
  t.notMatch(JSON.stringify(await consentOf(phone)), phone)
})

await t.test('every spelling of every word opts out', async (t) => {
  for (const word of ['STOP', 'stopall', 'Stop All', 'UNSUBSCRIBE.', '"cancel"', 'End', 'quit!', 'Revoke', 'opt out', 'OPT-OUT', 'optout']) {
    const phone = newPhone()
    const member = await addMember(ground, church, phone)
    await say(phone, word)
    t.equal(await stateOf(member), 'opted_out', word)
  }
})

await t.test('STOP from a number nobody knows stays on record, and is confirmed', async (t) => {
  const phone = newPhone()
  await say(phone, 'STOP')
  t.match(await consentOf(phone), [{ member_id: null, action: 'withdrawn' }])
  t.match(await answersTo(phone), [{ kind: 'confirmation' }])
})

await t.test('START opts in again with one answer; YES does so only for someone whose consent is open or withdrawn', async (t) => {
  const phone = newPhone()
  const member = await addMember(ground, church, phone, 'opted_out')
  await say(phone, 'start')
  t.equal(await stateOf(member), 'opted_in')
  t.match(await answersTo(phone), [{ kind: 'auto_reply', text: /^Grace Chapel: You have opted in.*STOP/ }])

  const pending = newPhone()
  const asked = await addMember(ground, church, pending, 'pending')
  await say(pending, 'Yes!')
  t.equal(await stateOf(asked), 'opted_in')
  await say(pending, 'yes')
  t.equal((await answersTo(pending)).length, 1, 'a YES in the talk is only a text')

  const stranger = newPhone()
  await say(stranger, 'YES')
  t.same(await answersTo(stranger), [])
  t.same(await consentOf(stranger), [])
})

await t.test('HELP is answered with the name and how to stop; a machine gets five answers an hour', async (t) => {
  const phone = newPhone()
  for (let times = 0; times < 12; times++) await say(phone, times % 2 === 0 ? 'HELP' : 'info')
  const answers = await answersTo(phone)
  t.equal(answers.length, 5)
  t.match(answers[0], { kind: 'auto_reply', text: /^Grace Chapel: .*STOP/ })
  await say(phone, 'STOP')
  t.equal((await answersTo(phone)).length, 5, 'the opt-out is done in silence')
  t.match(await consentOf(phone), [{ action: 'withdrawn' }])
  await say('22000', 'HELP')
  t.same(await answersTo('22000'), [], 'a short code is a machine')
})

await t.test('a STOP that arrives after the START that took it back changes nothing', async (t) => {
  const phone = newPhone()
  const member = await addMember(ground, church, phone)
  await say(phone, 'START', { at: '2026-03-01T10:00:10.000Z' })
  await say(phone, 'STOP', { at: '2026-03-01T10:00:05.000Z' })
  t.equal(await stateOf(member), 'opted_in')
  await say(phone, 'STOP', { at: '2026-03-01T10:00:20.000Z' })
  t.equal(await stateOf(member), 'opted_out')
})

await t.test('where the carrier answers a keyword itself, we only record it', async (t) => {
  const phone = newPhone()
  const member = await addMember(ground, church, phone)
  await say(phone, 'STOP', { autoresponse_type: 'OPT_OUT' })
  t.equal(await stateOf(member), 'opted_out')
  t.same(await answersTo(phone), [])
})

await t.test('one STOP delivered many times at once is one opt-out and one confirmation', async (t) => {
  const phone = newPhone()
  await addMember(ground, church, phone)
  const messageId = randomUUID()
  await Promise.all(Array.from({ length: 20 }, () => post(ground.app, { body: inboundBody({ from: phone, to: church.number, text: 'STOP', messageId }) })))
  await Promise.all([ground.process(), ground.process()])
  t.equal((await consentOf(phone)).length, 1)
  t.equal((await answersTo(phone)).length, 1)
})

await t.test('a STOP to one organization is nothing to another', async (t) => {
  const studio = await ground.newOrganization('Studio Nord')
  const phone = newPhone()
  await addMember(ground, church, phone)
  const other = await addMember(ground, studio, phone)
  await say(phone, 'STOP')
  t.equal(await stateOf(other, studio), 'opted_in')
})
