// Telnyx signs each webhook with Ed25519 over `timestamp|body`: proof that it is theirs, and of when it was sent.
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { type IncomingHttpHeaders } from 'node:http'
import { type Clock } from '../../clock.js'
import { problem } from '../../errors.js'

/** Seconds a signed time may be away from ours, before or after. */
const toleranceSeconds = 300
/** What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const derPrefix = Buffer.from('302a300506032b6570032100', 'hex')

export type SignatureCheck = (headers: IncomingHttpHeaders, body: Buffer) => Promise<void>

/**
 * `publicKey`: 32 raw bytes in base64, as the carrier's portal shows it.
 * The check throws problem('WEBHOOK_STALE') or problem('WEBHOOK_SIGNATURE_INVALID').
 */
export function telnyxSignatureCheck (publicKey: string, clock: Clock): SignatureCheck {
  const key = createPublicKey({ key: Buffer.concat([derPrefix, Buffer.from(publicKey, 'base64')]), format: 'der', type: 'spki' })
  return async (headers, body) => {
    const timestamp = headers['telnyx-timestamp']
    const signature = headers['telnyx-signature-ed25519']
    if (typeof timestamp !== 'string' || !/^\d{1,11}$/.test(timestamp) || typeof signature !== 'string') throw problem('WEBHOOK_SIGNATURE_INVALID')
    if (Math.abs(clock.now().getTime() / 1000 - Number(timestamp)) > toleranceSeconds) throw problem('WEBHOOK_STALE')
    const signed = Buffer.concat([Buffer.from(`${timestamp}|`), body])
    if (!await verifyOffThread(key, signed, Buffer.from(signature, 'base64'))) throw problem('WEBHOOK_SIGNATURE_INVALID')
  }
}

/** With a callback the work is done in the thread pool: less time in our own thread than the synchronous form takes. */
function verifyOffThread (key: KeyObject, data: Buffer, signature: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    verify(null, data, key, signature, (error, valid) => {
      if (error === null) resolve(valid)
      else reject(error)
    })
  })
}
