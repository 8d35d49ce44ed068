// How an admin's e-mail address is found in the registry without being stored there.
import { createHmac } from 'node:crypto'
import { type Keyring } from './keyring.js'

/** 32 bytes; the same for any spelling of case and surrounding space. */
export function emailHash (keyring: Keyring, email: string): Buffer {
  return createHmac('sha256', keyring.derive('admin-email-index')).update(email.trim().toLowerCase()).digest()
}
