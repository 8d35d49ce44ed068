// Encryption of single fields and the blind indexes that find them again, under keys of the one tenant, or the one table of the registry, they belong to.
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { type Keyring } from './keyring.js'

const version = 1
const nonceBytes = 12
const tagBytes = 16

export interface FieldCrypto {
  /** Version byte, nonce, ciphertext and tag (AES-256-GCM); different each time for the same text. */
  encrypt: (plain: string) => Buffer
  /** Throws when the bytes were not made by `encrypt` under the same key. */
  decrypt: (cipher: Buffer) => string
  /** 32 bytes (HMAC-SHA256), the same each time: equality can be looked up, nothing can be read back. */
  blindIndex: (plain: string) => Buffer
}

export function fieldCrypto (keyring: Keyring, tenantId: string): FieldCrypto {
  return cryptoWith(keyring.derive(`tenant-field:${tenantId}`), keyring.derive(`tenant-index:${tenantId}`))
}

/** For what the registry keeps that is no tenant's yet; `purpose` names the table. */
export function registryCrypto (keyring: Keyring, purpose: string): FieldCrypto {
  return cryptoWith(keyring.derive(`registry-field:${purpose}`), keyring.derive(`registry-index:${purpose}`))
}

function cryptoWith (encryptionKey: Buffer, indexKey: Buffer): FieldCrypto {
  return {
    encrypt (plain) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', encryptionKey, nonce)
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.of(version), nonce, body, cipher.getAuthTag()])
    },
    decrypt (sealed) {
      if (sealed.length < 1 + nonceBytes + tagBytes || sealed[0] !== version) throw new Error('Not an encrypted field.')
      const decipher = createDecipheriv('aes-256-gcm', encryptionKey, sealed.subarray(1, 1 + nonceBytes))
      decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
      const body = sealed.subarray(1 + nonceBytes, sealed.length - tagBytes)
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
    },
    blindIndex: (plain) => createHmac('sha256', indexKey).update(plain).digest()
  }
}
