import t from 'tap'
import { openConversation, insertInbound } from '../../../src/features/conversations/queries.js'
import { optIn } from '../../../src/features/members/opt-in.js'
import { optOut } from '../../../src/features/members/opt-out.js'
import { findMemberByPhone } from '../../../src/features/members/find-member.js'
import { type Member } from '../../../src/features/members/schemas.js'
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { queueText } from '../../../src/features/messages/queue-text.js'
import { type TenantDb } from '../../../src/tenancy/tenant.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'

void t.test('consent', async (t) => {
  const { app, services, signUp } = await buildTestApp(t)
  const church = await signUp()
  const api = apiOf(app, church)
  const fields = fieldCrypto(services.keyring, church.tenantId)
  const inTenant = async <T>(use: (trx: TenantDb) => Promise<T>): Promise<T> => await services.tenancy.withTenant(church.tenantId, async (db) => await db.transaction().execute(use))
  const says = (word: string, phone: string) => ({ phoneHash: fields.blindIndex(phone), source: 'keyword' as const, evidence: { words: word } })
  const texts = async (trx: TenantDb, phone: string, providerMessageId: string) => {
    const at = new Date()
    const conversation = await openConversation(trx, { memberId: null, phoneHash: fields.blindIndex(phone), phoneCipher: fields.encrypt(phone) }, { ourNumber: '+16155559999', at, preview: 'START', needsAttention: null })
    await insertInbound(trx, conversation.id, { from: phone, to: '+16155559999', text: 'START', media: [], providerMessageId, receivedAt: at, answeredByCarrier: false }, 'start')
    return { phoneHash: fields.blindIndex(phone), source: 'keyword' as const, evidence: { words: 'START', providerMessageId } }
  }
  const add = async (phone: string, more: object = {}) => await api<Member>('POST', '/members', { firstName: 'Ada', lastName: 'Okafor', phone, ...more })
  const wordsFor = async (phone: string) => await inTenant(async (trx) => await trx.selectFrom('consent_logs').select(['action', 'source', 'evidence', 'member_id'])
    .where('phone_hash', '=', fields.blindIndex(phone)).orderBy('id').execute())
  const queue = async (phone: string) => {
    await inTenant(async (trx) => await queueText(trx, {
      kind: 'reply', lane: 'reply', text: 'See you on Sunday', from: '+16155559999', recipient: { memberId: null, phoneHash: fields.blindIndex(phone), phoneCipher: fields.encrypt(phone) }
    }))
  }
  const waiting = async (phone: string) => await inTenant(async (trx) => {
    const hash = fields.blindIndex(phone)
    const queued = await trx.selectFrom('message_queue').select('message_id').where('phone_hash', '=', hash).execute()
    const recipients = await trx.selectFrom('message_recipients').select('status').where('phone_hash', '=', hash).execute()
    return { queued: queued.length, states: recipients.map(({ status }) => status) }
  })

  await t.test('what an admin puts on record says who, whence and in which request', async (t) => {
    const { body: member } = await add('+16155550100', { optIn: { source: 'form', note: 'Connection card' } })
    const [word, ...others] = await wordsFor('+16155550100')
    t.same(others, [])
    t.match(word, { action: 'granted', source: 'form', member_id: member.id, evidence: { note: 'Connection card', adminId: church.admin.id, ip: '127.0.0.1', requestId: /^[0-9a-f-]{36}$/ } })
    await add('+16155550101')
    t.same(await wordsFor('+16155550101'), [], 'nothing is on record for who was asked nothing')
  })

  await t.test('opting out changes the member, keeps the words and cancels what waits, at once', async (t) => {
    const { body: member } = await add('+16155550110', { optIn: { source: 'admin' } })
    await queue('+16155550110')
    t.same(await waiting('+16155550110'), { queued: 1, states: ['queued'] })
    t.same(await inTenant(async (trx) => await optOut(trx, says('STOP', '+16155550110'))), { memberId: member.id, already: false })
    t.equal((await api('GET', `/members/${member.id}`)).body['optInState'], 'opted_out')
    t.same(await waiting('+16155550110'), { queued: 0, states: ['cancelled'] })
    t.same(await inTenant(async (trx) => await optOut(trx, says('stop', '+16155550110'))), { memberId: member.id, already: true })
    t.same((await wordsFor('+16155550110')).map(({ action }) => action), ['granted', 'withdrawn', 'withdrawn'])
  })

  await t.test('an admin cannot opt in who has opted out; the person can', async (t) => {
    const { body: { items: [member] } } = await api<{ items: Member[] }>('GET', '/members?search=6155550110')
    const path = `/members/${member?.id ?? ''}`
    t.equal((await api('PATCH', path, { optIn: { source: 'form' } })).code, 'MEMBER_OPTED_OUT')
    t.equal((await api('PATCH', path, { optIn: { source: 'form' }, optOut: {} })).code, 'VALIDATION_FAILED')
    await api('DELETE', path)
    const again = await add('(615) 555-0110', { optIn: { source: 'form' } })
    t.equal(again.status, 201)
    t.equal(again.body.optInState, 'opted_out', 'adding them anew changes nothing')
    t.same(await inTenant(async (trx) => await optIn(trx, await texts(trx, '+16155550110', 'start-1'))), { memberId: again.body.id, already: false })
    t.equal((await api('GET', `/members/${again.body.id}`)).body['optInState'], 'opted_in')
  })

  await t.test('STOP from a number nobody knows is remembered until someone adds it', async (t) => {
    t.same(await inTenant(async (trx) => await optOut(trx, says('STOP', '+16155550120'))), { memberId: null, already: false })
    t.equal(await inTenant(async (trx) => await findMemberByPhone(trx, fields.blindIndex('+16155550120'))), undefined)
    t.equal((await add('6155550120', { optIn: { source: 'import' } })).body.optInState, 'opted_out')
    t.match(await inTenant(async (trx) => await findMemberByPhone(trx, fields.blindIndex('+16155550120'))), { firstName: 'Ada', optInState: 'opted_out' })
  })

  await t.test('consent belongs to the number: a new number starts from its own record', async (t) => {
    const { body: member } = await add('+16155550130', { optIn: { source: 'admin' } })
    await queue('+16155550130')
    t.equal((await api('PATCH', `/members/${member.id}`, { phone: '6155550131' })).body['optInState'], 'pending')
    t.same(await waiting('+16155550130'), { queued: 0, states: ['cancelled'] }, 'what was addressed to the old number is not sent to it')
    t.equal((await api('PATCH', `/members/${member.id}`, { optIn: { source: 'admin' } })).body['optInState'], 'opted_in')
    await inTenant(async (trx) => await optOut(trx, says('STOP', '+16155550132')))
    t.equal((await api('PATCH', `/members/${member.id}`, { phone: '6155550132', optIn: { source: 'admin' } })).code, 'MEMBER_OPTED_OUT')
    t.equal((await api('GET', `/members/${member.id}`)).body['phone'], '+16155550131', 'and nothing of a refused change is kept')
    t.equal((await api('PATCH', `/members/${member.id}`, { phone: '6155550132' })).body['optInState'], 'opted_out')
  })

  await t.test('an admin records that someone asked in person to get no more', async (t) => {
    const { body: member } = await add('+16155550140', { optIn: { source: 'form' } })
    await queue('+16155550140')
    t.equal((await api('PATCH', `/members/${member.id}`, { optOut: { note: 'asked after the service' } })).body['optInState'], 'opted_out')
    t.same(await waiting('+16155550140'), { queued: 0, states: ['cancelled'] })
    t.match((await wordsFor('+16155550140')).at(-1), { action: 'withdrawn', source: 'admin', evidence: { note: 'asked after the service' } })
  })

  await t.test('deleting a member cancels what waits for them', async (t) => {
    const { body: member } = await add('+16155550150', { optIn: { source: 'form' } })
    await queue('+16155550150')
    await api('DELETE', `/members/${member.id}`)
    t.same(await waiting('+16155550150'), { queued: 0, states: ['cancelled'] })
  })

  await t.test('STOP at the very moment the member is being added is not overlooked', async (t) => {
    for (let line = 160; line < 175; line++) {
      const phone = `+16155550${line}`
      const [added] = await Promise.all([add(phone, { optIn: { source: 'form' } }), inTenant(async (trx) => await optOut(trx, says('STOP', phone)))])
      t.equal((await api('GET', `/members/${added.body.id}`)).body['optInState'], (await wordsFor(phone)).at(-1)?.action === 'withdrawn' ? 'opted_out' : 'opted_in')
      t.equal((await api('GET', `/members/${added.body.id}`)).body['optInState'], 'opted_out')
    }
  })

  await t.test('the record cannot be changed', async (t) => {
    await t.rejects(inTenant(async (trx) => await trx.updateTable('consent_logs').set({ action: 'granted' }).execute()), /append-only/)
    await t.rejects(inTenant(async (trx) => await trx.deleteFrom('consent_logs').execute()), /append-only/)
  })
})
