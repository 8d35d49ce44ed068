// The peer of dispatch, a process of its own: an undici loop that posts the same bodies to the carrier, and writes nothing down.
import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Pool } from 'undici'
import { createKeyring } from '../../../src/crypto/keyring.js'
import { makeStatusToken, statusUrl } from '../../../src/features/messages/status-token.js'
import { isTenantId } from '../../../src/tenancy/tenant.js'
import { MASTER_KEY } from '../../helpers/provisioning-ground.js'
import { ownNumber, phoneOf, type TextsSettings } from '../broadcast-orders.js'

const { carrierUrl, publicUrl, tenantId, text, texts, inFlight } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as TextsSettings
const pool = new Pool(new URL(carrierUrl).origin, { connections: inFlight, pipelining: 1 })
const headers = { authorization: 'Bearer benchmark', 'content-type': 'application/json', accept: 'application/json' }
const bodies = makeBodies()

function makeBodies (): string[] {
  if (!isTenantId(tenantId)) throw new TypeError(`${tenantId} cannot be a tenant's id`)
  const keyring = createKeyring(MASTER_KEY)
  const messageId = randomUUID()
  return Array.from({ length: texts }, (_, member) => JSON.stringify({
    from: ownNumber, to: phoneOf(member), text, webhook_url: statusUrl(publicUrl, makeStatusToken(keyring, { tenantId, messageId, phoneHash: randomBytes(32) }))
  }))
}

/** @returns milliseconds */
async function post (): Promise<number> {
  const begin = performance.now()
  let next = 0
  await Promise.all(Array.from({ length: inFlight }, async () => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      const answer = await pool.request({ method: 'POST', path: '/v2/messages', headers, body })
      await answer.body.json()
    }
  }))
  return performance.now() - begin
}

process.on('message', () => {
  post().then((ms) => process.send?.(ms), (error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
