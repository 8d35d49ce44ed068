// Two thousand webhooks, good and bad, doubled and out of order, of two organizations: exactly the right rows, everywhere.
import { randomInt, randomUUID } from 'node:crypto'
import t from 'tap'
import { fieldCrypto } from '../../src/crypto/fields.js'
import { queueText } from '../../src/features/messages/queue-text.js'
import { makeStatusToken } from '../../src/features/messages/status-token.js'
import { loadSigningKey } from '../../src/sandbox/carrier/signing-key.js'
import { addMember, inTenant, openGround, type Organization } from './ground.js'
import { eventBody, inboundBody, post, type Posting, signingKey } from './post-telnyx.js'

interface Sending { posting: Posting, expected: 200 | 400 | 401 | 413 }

const people = 20
const ground = await openGround(t)
const organizations = [await ground.newOrganization('Grace Chapel'), await ground.newOrganization('Studio Nord')] as const
for (const organization of organizations) for (let person = 0; person < people; person += 2) await addMember(ground, organization, phoneOf(person))

await t.test('two thousand mixed webhooks leave exactly the right rows', async (t) => {
  const texts = organizations.map((organization, which) => Array.from({ length: 300 }, (_, index) => ({
    organization, from: phoneOf(index % people), text: oddText(which, index), messageId: randomUUID(), id: randomUUID()
  })))
  const inbound = texts.flat().map(({ organization, ...text }) => inboundBody({ ...text, to: organization.number }))
  const outbound = (await Promise.all(organizations.map((organization) => queueMany(organization, 100)))).flat()
  const statuses = outbound.flatMap(({ path, failed }): Posting[] => [
    { path, body: statusBody('message.sent', 'sent', 1) },
    { path, body: statusBody('message.finalized', failed ? 'delivery_failed' : 'delivered', 2) }
  ])
  const good: Sending[] = [...inbound.map((body) => ({ body })), ...statuses].map((posting) => ({ posting, expected: 200 }))
  const doubled = good.filter(() => randomInt(2) === 0)
  const all = shuffle([...good, ...doubled, ...bad(texts[0]?.[0]?.organization.number ?? '', 2_000 - good.length - doubled.length)])
  t.equal(all.length, 2_000)

  const working = workWhilePosting()
  for (let at = 0; at < all.length; at += 100) {
    const answers = await Promise.all(all.slice(at, at + 100).map(async ({ posting, expected }) => ({ expected, got: (await post(ground.app, posting)).statusCode })))
    t.same(answers.filter(({ expected, got }) => expected !== got), [])
  }
  await working.end()
  await ground.process()

  const ledger = await ground.services.registry.selectFrom('webhook_events').select(({ fn }) => ['status', fn.countAll<string>().as('count')]).groupBy('status').execute()
  t.same(ledger, [{ status: 'processed', count: String(good.length) }])
  for (const [which, organization] of organizations.entries()) {
    await inTenant(ground, organization, async (db) => {
      const rows = await db.selectFrom('conversation_messages').select(['provider_message_id', 'text']).where('direction', '=', 'inbound').execute()
      const expected = (texts[which] ?? []).map(({ messageId, text }) => [messageId, text.replace('\0', '\ufffd').replace('\ud800', '\ufffd')])
      t.same(new Map(rows.map((row) => [row.provider_message_id, row.text])), new Map(expected as Array<[string, string]>), organization.name)
      const conversations = await db.selectFrom('conversations').select(['unread_count', 'member_id']).execute()
      t.equal(conversations.length, people)
      t.ok(conversations.every(({ unread_count: unread }) => unread === 300 / people))
      t.equal(conversations.filter(({ member_id: member }) => member !== null).length, people / 2)
      const states = await db.selectFrom('message_recipients').select(({ fn }) => ['status', fn.countAll<string>().as('count')]).groupBy('status').orderBy('status').execute()
      t.same(states, [{ status: 'delivered', count: '80' }, { status: 'failed', count: '20' }])
    })
  }
})

function phoneOf (person: number): string {
  return `+1615555${String(1000 + person)}`
}

function oddText (which: number, index: number): string {
  return [`Text ${which}-${index}`, `zero \0 byte ${index}`, `half \ud800 a pair ${index}`, `👋🏽 ${index}`, `long ${'x'.repeat(40_000)} ${index}`][index % 5] ?? ''
}

function statusBody (type: string, status: string, second: number): string {
  const at = `2026-03-01T10:00:0${second}.000Z`
  return eventBody(type, { to: [{ status }], sent_at: at, completed_at: at, errors: status.endsWith('failed') ? [{ code: '40001', title: 'Not routable' }] : [] })
}

async function queueMany (organization: Organization, count: number): Promise<Array<{ path: string, failed: boolean }>> {
  const fields = fieldCrypto(ground.services.keyring, organization.tenantId)
  return inTenant(ground, organization, async (db) => {
    const queued = []
    for (let index = 0; index < count; index++) {
      const phone = phoneOf(index % people)
      const phoneHash = fields.blindIndex(phone)
      const { messageId } = await queueText(db, { kind: 'reply', lane: 'reply', text: 'Hello', from: organization.number, recipient: { memberId: null, phoneHash, phoneCipher: fields.encrypt(phone) } })
      const token = makeStatusToken(ground.services.keyring, { tenantId: organization.tenantId, messageId, phoneHash })
      queued.push({ path: `/webhooks/telnyx/status/${token}`, failed: index % 5 === 0 })
    }
    return queued
  })
}

/** What must be refused and leave nothing, in turn. */
function bad (number: string, count: number): Sending[] {
  const forger = loadSigningKey()
  const now = Math.floor(Date.now() / 1000)
  return Array.from({ length: count }, (_, index): Sending => {
    const body = inboundBody({ from: phoneOf(1), to: number, text: `must not arrive ${index}` })
    switch (index % 5) {
      case 0: return { posting: { body, timestamp: now, signature: forger.sign(String(now), body) }, expected: 401 }
      case 1: return { posting: { body, timestamp: now - 301 - index }, expected: 401 }
      case 2: return { posting: { body: body.slice(0, -index - 1) }, expected: 400 }
      case 3: return { posting: { body: '{"data":{"id":1}}', path: '/webhooks/telnyx/status/x.y' }, expected: 400 }
      default: return { posting: { body: `${body} `, timestamp: now, signature: signingKey.sign(String(now), body) }, expected: 401 }
    }
  })
}

function shuffle<Item> (items: Item[]): Item[] {
  return items.map((item) => ({ item, at: Math.random() })).sort((one, other) => one.at - other.at).map(({ item }) => item)
}

/** The worker's part, going on all the while. */
function workWhilePosting (): { end: () => Promise<void> } {
  const ending = new AbortController()
  const work = async (): Promise<void> => {
    while (!ending.signal.aborted) await Promise.all([ground.process(), new Promise((resolve) => setTimeout(resolve, 5))])
  }
  const done = work()
  return {
    async end () {
      ending.abort()
      await done
    }
  }
}
