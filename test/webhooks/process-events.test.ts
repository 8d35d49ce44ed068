// What becomes of kept events: each reaches its tenant once, and none stands in another's way.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { fieldCrypto } from '../../src/crypto/fields.js'
import { queueText } from '../../src/features/messages/queue-text.js'
import { makeStatusToken } from '../../src/features/messages/status-token.js'
import { processEvents } from '../../src/webhooks/process-events.js'
import { addMember, inTenant, openGround, type Organization } from './ground.js'
import { eventBody, inboundBody, post } from './post-telnyx.js'

const ground = await openGround(t)
const church = await ground.newOrganization('Grace Chapel')
const studio = await ground.newOrganization('Studio Nord')
const phone = '+16155550001'

await t.test('an inbound text is in its own organization\'s inbox, once, and nowhere else', async (t) => {
  const body = inboundBody({ from: phone, to: church.number, text: 'Is there a service on Sunday?', id: 'hello' })
  for (let times = 0; times < 3; times++) await post(ground.app, { body })
  await ground.process()
  // The same text under another event id, as a carrier may post it again.
  const { data: { payload } } = JSON.parse(body) as { data: { payload: Record<string, unknown> } }
  await post(ground.app, { body: eventBody('message.received', payload) })
  await ground.process()
  t.same(await textsOf(church), ['Is there a service on Sunday?'])
  t.same(await textsOf(studio), [])
  const conversations = await inTenant(ground, church, (db) => db.selectFrom('conversations').select(['unread_count', 'last_message_preview']).execute())
  t.same(conversations, [{ unread_count: 1, last_message_preview: 'Is there a service on Sunday?' }])
  t.same(await eventsBy('hello'), [{ status: 'processed', tenant_id: church.tenantId, payload: null, last_error: null }])
})

await t.test('a text to a number that nobody has is put aside with its reason, and its words are gone', async (t) => {
  await post(ground.app, { body: inboundBody({ from: phone, to: '+19995550000', text: 'Hello?', id: 'nobody' }) })
  await ground.process()
  t.same(await eventsBy('nobody'), [{ status: 'ignored', tenant_id: null, payload: null, last_error: 'No organization has the number that was texted.' }])
})

await t.test('delivery events settle the text their token names, in any order, and only once', async (t) => {
  const queued = await queueOne(church)
  const path = `/webhooks/telnyx/status/${makeStatusToken(ground.services.keyring, { tenantId: church.tenantId, ...queued })}`
  const status = (type: string, word: string, at: string) => eventBody(type, {
    id: 'carrier-1', to: [{ phone_number: phone, status: word }], completed_at: at, sent_at: at, cost: { amount: '0.0070', currency: 'USD' }
  })
  await post(ground.app, { path, body: status('message.finalized', 'delivered', '2026-03-01T10:00:05.000Z') })
  await post(ground.app, { path, body: status('message.sent', 'sent', '2026-03-01T10:00:01.000Z') })
  await ground.process()
  const row = await inTenant(ground, church, (db) => db.selectFrom('message_recipients').select(['status', 'provider_message_id', 'delivered_at', 'price_cents'])
    .where('message_id', '=', queued.messageId).executeTakeFirstOrThrow())
  t.match(row, { status: 'delivered', provider_message_id: 'carrier-1', delivered_at: new Date('2026-03-01T10:00:05.000Z') })
  t.equal(Number(row.price_cents), 0.7)
})

await t.test('a report that the number has sent too much closes it, for texts of that kind and what is left of the time', async (t) => {
  const closings = async () => await inTenant(ground, church, (db) => db.selectFrom('send_buckets').select(['name', 'closed_until']).execute())
  const report = async (code: string, at: Date): Promise<void> => {
    const path = `/webhooks/telnyx/status/${makeStatusToken(ground.services.keyring, { tenantId: church.tenantId, ...await queueOne(church) })}`
    await post(ground.app, { path, body: eventBody('message.finalized', { to: [{ phone_number: phone, status: 'delivery_failed' }], errors: [{ code, title: 'Refused' }], completed_at: at.toISOString() }) })
    await ground.process()
  }
  const now = Date.now()
  await report('40001', new Date(now))
  await report('40018', new Date(now - 61_000))
  t.same(await closings(), [], 'another fault, and one whose minute has passed')
  await report('40016', new Date(now - 60_000))
  const closed = [{ name: `answers:${church.number}`, closed_until: new Date(now + 59 * 60_000) }]
  t.same(await closings(), closed)
  await report('40318', new Date(now))
  t.same(await closings(), closed, 'a shorter time opens nothing')
})

await t.test('a token of another key, or of a text that is not there, changes nothing and is put aside', async (t) => {
  const event = (id: string) => eventBody('message.finalized', { to: [{ phone_number: phone, status: 'delivered' }] }, id)
  const stranger = makeStatusToken(ground.services.keyring, { tenantId: studio.tenantId, messageId: randomUUID(), phoneHash: Buffer.alloc(32) })
  await post(ground.app, { path: '/webhooks/telnyx/status/AAAA.BBBB', body: event('forged-token') })
  await post(ground.app, { path: `/webhooks/telnyx/status/${stranger}`, body: event('no-text') })
  await post(ground.app, { body: event('no-token') })
  await post(ground.app, { body: eventBody('10dlc.brand.update', {}, 'other') })
  await ground.process()
  for (const id of ['forged-token', 'no-text', 'no-token', 'other']) t.match(await eventsBy(id), [{ status: 'ignored', payload: null, last_error: /./ }], id)
})

await t.test('an event that cannot be applied is tried again, then failed, while its neighbours pass', async (t) => {
  // The one person whose texts this database refuses.
  const bad = fieldCrypto(ground.services.keyring, studio.tenantId).blindIndex('+16155550666')
  await inTenant(ground, studio, (db) => sql`ALTER TABLE conversations ADD CONSTRAINT refuses CHECK (encode(address_hash, 'hex') <> ${sql.lit(bad.toString('hex'))})`.execute(db))
  await post(ground.app, { body: inboundBody({ from: '+16155550666', to: studio.number, text: 'poison', id: 'poison' }) })
  await post(ground.app, { body: inboundBody({ from: phone, to: studio.number, text: 'fine' }) })
  await post(ground.app, { body: eventBody('message.received', { id: 'x', text: 'from nobody to nobody' }, 'unreadable') })
  await ground.process()
  t.same(await textsOf(studio), ['fine'])
  t.match(await eventsBy('unreadable'), [{ status: 'failed', last_error: /./ }])
  for (let attempt = 1; attempt < 8; attempt++) {
    t.match(await eventsBy('poison'), [{ status: 'received', last_error: /23514/ }], `attempt ${attempt}`)
    await makeDue()
    await ground.process()
  }
  t.match(await eventsBy('poison'), [{ status: 'failed', payload: Buffer }], 'its bytes are kept for a person')
  const letters = await inTenant(ground, studio, (db) => db.selectFrom('dead_letter_queue').select(['category', 'status', 'error', 'attempts', 'payload_cipher']).execute())
  t.match(letters, [{ category: 'webhook_inbound', status: 'pending', error: /23514/, attempts: 8 }], 'and its organization sees it')
  t.match(fieldCrypto(ground.services.keyring, studio.tenantId).decrypt(letters[0]?.payload_cipher ?? Buffer.alloc(0)), /poison/)
})

await t.test('a suspended organization\'s texts wait for it', async (t) => {
  const suspended = await ground.newOrganization('Away for a While')
  await ground.services.provisioner.suspend(suspended.tenantId)
  await post(ground.app, { body: inboundBody({ from: phone, to: suspended.number, text: 'patience', id: 'patience' }) })
  for (let times = 0; times < 12; times++) {
    await ground.process()
    await makeDue()
  }
  t.match(await eventsBy('patience'), [{ status: 'received', last_error: 'TENANT_SUSPENDED' }])
  await ground.services.provisioner.resume(suspended.tenantId)
  await makeDue()
  await ground.process()
  t.same(await textsOf(suspended), ['patience'])
})

await t.test('what a process had claimed when it died is found by the next', async (t) => {
  await post(ground.app, { body: inboundBody({ from: phone, to: church.number, text: 'claimed by the dead', id: 'claimed' }) })
  await sql`UPDATE webhook_events SET attempts = 1, not_before = now() + interval '2 minutes' WHERE event_id = 'claimed'`.execute(ground.services.registry)
  await ground.process()
  t.match(await eventsBy('claimed'), [{ status: 'received' }], 'not while its lease runs')
  await makeDue()
  await ground.process()
  t.match(await eventsBy('claimed'), [{ status: 'processed' }])
})

await t.test('zero bytes and halves of surrogate pairs become replacement characters', async (t) => {
  await post(ground.app, { body: inboundBody({ from: phone, to: church.number, text: 'a\u0000b \ud83d c', media: [{ url: 'https://media.example/\u0000', size: 3 }] }) })
  await ground.process()
  t.ok((await textsOf(church)).includes('a\ufffdb \ufffd c'))
})

await t.test('the same event worked off by several at once changes what it changes once', async (t) => {
  const other = await ground.newOrganization('Many Hands')
  await addMember(ground, other, phone)
  await Promise.all(Array.from({ length: 40 }, (_, index) => post(ground.app, { body: inboundBody({ from: phone, to: other.number, text: `number ${index}` }) })))
  const again = { ...ground.services }
  await Promise.all([ground.process(), ground.process(), processEvents(again, new AbortController().signal)])
  t.equal((await textsOf(other)).length, 40)
  const { unread_count: unread } = await inTenant(ground, other, (db) => db.selectFrom('conversations').select('unread_count').executeTakeFirstOrThrow())
  t.equal(unread, 40)
})

async function textsOf (organization: Organization): Promise<string[]> {
  const rows = await inTenant(ground, organization, (db) => db.selectFrom('conversation_messages').select('text').orderBy('id').execute())
  return rows.map(({ text }) => text)
}

async function eventsBy (eventId: string) {
  return ground.services.registry.selectFrom('webhook_events').select(['status', 'tenant_id', 'payload', 'last_error']).where('event_id', '=', eventId).execute()
}

async function makeDue (): Promise<void> {
  await sql`UPDATE webhook_events SET not_before = now() WHERE status = 'received'`.execute(ground.services.registry)
}

async function queueOne (organization: Organization): Promise<{ messageId: string, phoneHash: Buffer }> {
  const fields = fieldCrypto(ground.services.keyring, organization.tenantId)
  const phoneHash = fields.blindIndex(phone)
  return inTenant(ground, organization, async (db) => {
    const { messageId } = await db.transaction().execute((trx) => queueText(trx, {
      kind: 'reply', lane: 'reply', text: 'Yes, at ten.', from: organization.number, recipient: { memberId: null, phoneHash, phoneCipher: fields.encrypt(phone) }
    }))
    return { messageId, phoneHash }
  })
}
