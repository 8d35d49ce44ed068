// The carrier's Ed25519 key: signs webhooks as Telnyx does, and gives the public half in Telnyx's form.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface SigningKey {
  /** 32 raw bytes in base64: what TELNYX_PUBLIC_KEY holds. */
  publicKey: string
  /** Signature in base64 of the bytes `timestamp|body`. `timestamp` is in Unix seconds. */
  sign (timestamp: string, body: string): string
}

/** Reads the key kept in `dataDir` (mode 0600), or makes one; without `dataDir` it lives as long as the process. */
export function loadSigningKey (dataDir?: string): SigningKey {
  const privateKey = dataDir === undefined ? generateKeyPairSync('ed25519').privateKey : keptKey(dataDir)
  // An Ed25519 SubjectPublicKeyInfo is a fixed 12-byte header and the 32 bytes of the key.
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(12).toString('base64')
  return {
    publicKey,
    sign: (timestamp, body) => sign(null, Buffer.from(`${timestamp}|${body}`), privateKey).toString('base64')
  }
}

function keptKey (dataDir: string): KeyObject {
  const path = join(dataDir, 'carrier-key.pem')
  if (existsSync(path)) return createPrivateKey(readFileSync(path))
  mkdirSync(dataDir, { recursive: true })
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(path, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
  return privateKey
}
