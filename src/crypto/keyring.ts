// One master key, and from it a key of its own for each purpose, so that no key is ever used for two things.
import { hkdfSync } from 'node:crypto'
import { LRUCache } from 'lru-cache'

export interface Keyring {
  /** 32 bytes, always the same for the same master key and purpose (HKDF-SHA256, RFC 5869). */
  derive: (purpose: string) => Buffer
}

/** `masterKey`: 32 random bytes. Losing it loses every encrypted field and every tenant's database password. */
export function createKeyring (masterKey: Buffer): Keyring {
  if (masterKey.length !== 32) throw new RangeError('The master key must be 32 bytes.')
  const derived = new LRUCache<string, Buffer>({ max: 20_000 })
  return {
    derive (purpose) {
      const known = derived.get(purpose)
      if (known !== undefined) return known
      const key = Buffer.from(hkdfSync('sha256', masterKey, 'koinonia', purpose, 32))
      derived.set(purpose, key)
      return key
    }
  }
}
