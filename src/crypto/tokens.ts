// Random tokens that are stored only as hashes, and short signed tokens that carry what they are about.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const signatureBytes = 16

/** 32 random bytes in base64url: for refresh tokens and the like. Store `hashToken` of it, never the token. */
export function randomToken (): string {
  return randomBytes(32).toString('base64url')
}

/** 32 bytes (SHA-256). The token is random, so no salt or slow hash is needed. */
export function hashToken (token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** `payload.signature`, both base64url; the signature is HMAC-SHA256 cut to 128 bits. */
export function signToken (key: Buffer, payload: Buffer): string {
  return `${payload.toString('base64url')}.${sign(key, payload).toString('base64url')}`
}

/** The payload of a token made by `signToken` with this key; undefined for any other string. */
export function openToken (key: Buffer, token: string): Buffer | undefined {
  const [encoded, signature, ...rest] = token.split('.')
  if (encoded === undefined || signature === undefined || rest.length > 0) return undefined
  const payload = Buffer.from(encoded, 'base64url')
  const given = Buffer.from(signature, 'base64url')
  return given.length === signatureBytes && timingSafeEqual(given, sign(key, payload)) ? payload : undefined
}

function sign (key: Buffer, payload: Buffer): Buffer {
  return createHmac('sha256', key).update(payload).digest().subarray(0, signatureBytes)
}
