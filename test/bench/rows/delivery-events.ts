// Ten thousand delivery events applied in the batches the job uses, beside one by one on eight connections.
import { createHash, randomUUID } from 'node:crypto'
import pg from 'pg'
import { recordDeliveryEvents } from '../../../src/features/messages/record-delivery-events.js'
import { type DeliveryEvent } from '../../../src/features/messages/states.js'
import { isTenantId } from '../../../src/tenancy/tenant.js'
import { claimSize } from '../../../src/webhooks/process-events.js'
import { openProvisioner } from '../../helpers/provisioning-ground.js'
import { type Bench, inPairs, type Row } from '../bench.js'
import { type Congregation, openCongregation } from '../congregation.js'
import { type Finding } from '../finding.js'
import { startKoinonia } from '../koinonia.js'

export const deliveryEvents: Row = { name: 'delivery-events', about: '10,000 delivery events applied in batches; beside one by one on 8 connections', run }

const count = 10_000
const lanes = 8

async function run (bench: Bench): Promise<Finding[]> {
  const koinonia = await startKoinonia(bench)
  const congregation = await openCongregation(bench, koinonia)
  const { tenantId } = congregation.organization
  if (!isTenantId(tenantId)) throw new TypeError(`${tenantId} is no tenant's id`)
  const { tenancy } = await openProvisioner({ teardown: (close) => { bench.defer(close) } }, koinonia.registryUrl)
  const bare = new pg.Pool({ connectionString: (await koinonia.databasesOf([congregation.organization]))[tenantId], max: lanes })
  bench.defer(() => bare.end())
  const inBatches = async (events: DeliveryEvent[]) => {
    for (let start = 0; start < events.length; start += claimSize) await tenancy.withTenant(tenantId, (db) => recordDeliveryEvents(db, events.slice(start, start + claimSize)))
  }
  const { ours, theirs } = await inPairs(bench, () => measure(congregation, inBatches), () => measure(congregation, (events) => oneByOne(events, bare)), (perSecond) => `${Math.round(perSecond)}/s`)
  return [{
    row: 'delivery-events',
    work: `${count} events, ${claimSize} at a time`,
    against: `one UPDATE each, ${lanes} connections`,
    unit: 'events/s',
    ours,
    theirs,
    goal: { atLeast: 8 },
    notes: ['theirs is the bare UPDATE alone: no record for listeners, no texts settled']
  }]
}

/** @returns events a second, on tables as they are after a broadcast that was sent */
async function measure ({ client, clear }: Congregation, apply: (events: DeliveryEvent[]) => Promise<void>): Promise<number> {
  const events = await sentBroadcast(client)
  const begin = performance.now()
  await apply(events)
  const ms = performance.now() - begin
  const { rows: [row] } = await client.query<{ delivered: number }>("SELECT count(*)::int AS delivered FROM message_recipients WHERE status = 'delivered' AND delivered_at IS NOT NULL")
  if (row?.delivered !== count) throw new Error(`${row?.delivered ?? 0} of ${count} texts count as delivered`)
  await clear()
  return count / ms * 1000
}

/** Events in no order of the keys, as carriers send them. */
async function sentBroadcast (client: pg.Client): Promise<DeliveryEvent[]> {
  const messageId = randomUUID()
  const hashes = Array.from({ length: count }, (_, recipient) => createHash('sha256').update(`${messageId} ${recipient}`).digest())
  await client.query("INSERT INTO messages (id, kind, text, from_number, status) VALUES ($1, 'broadcast', 'See you there!', '+16155550100', 'sent')", [messageId])
  await client.query(`INSERT INTO message_recipients (message_id, phone_hash, phone_cipher, status, provider_message_id, sent_at, parts, encoding)
    SELECT $1, hash, hash || '\\x00', 'sent', 'bench-' || n, now(), 1, 'gsm7' FROM unnest($2::bytea[]) WITH ORDINALITY AS given (hash, n)`, [messageId, hashes])
  await client.query('VACUUM ANALYZE message_recipients')
  const occurredAt = new Date()
  return hashes.map((phoneHash, recipient) => ({ messageId, phoneHash, status: 'delivered', occurredAt, providerMessageId: `bench-${recipient + 1}`, priceCents: 0.7 }))
}

async function oneByOne (events: readonly DeliveryEvent[], pool: pg.Pool): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (let event = events[next++]; event !== undefined; event = events[next++]) await updateBare(pool, event)
  }))
}

/** The least that keeps a report: forward only, and known by its key. */
async function updateBare (pool: pg.Pool, { messageId, phoneHash, status, occurredAt, priceCents }: DeliveryEvent): Promise<void> {
  await pool.query({
    name: 'deliver',
    text: `UPDATE message_recipients SET status = $3, delivered_at = $4, price_cents = $5, updated_at = now()
      WHERE message_id = $1 AND phone_hash = $2 AND status IN ('queued', 'sending', 'unknown', 'sent')`,
    values: [messageId, phoneHash, status, occurredAt, priceCents]
  })
}
