// The proof that a request with our cookies was sent by a page of ours: a token bound to the session, which other sites cannot read.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Keyring } from '../crypto/keyring.js'

export const csrfHeader = 'x-csrf-token'

/** Always the same for one session, so nothing is stored. `sessionId` is the session family. */
export function csrfToken (keyring: Keyring, sessionId: string): string {
  return createHmac('sha256', keyring.derive('csrf-token')).update(sessionId).digest('base64url')
}

export function csrfTokenFits (keyring: Keyring, sessionId: string, given: unknown): boolean {
  if (typeof given !== 'string') return false
  const expected = Buffer.from(csrfToken(keyring, sessionId))
  const received = Buffer.from(given)
  return received.length === expected.length && timingSafeEqual(received, expected)
}
