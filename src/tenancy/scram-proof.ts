// The proof of a password to a server (SCRAM-SHA-256, RFC 5802 and 7677), computed at once.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'

export interface ScramProof { response: string, serverSignature: string }

/** More rounds than these would hold up everybody else for longer than a tenth of a millisecond. */
const ROUNDS_AT_ONCE = 100
const challenge = /^r=([\x21-\x2b\x2d-\x7e]+),s=((?:[a-zA-Z0-9+/]{4})*(?:[a-zA-Z0-9+/]{2}==|[a-zA-Z0-9+/]{3}=)?),i=([1-9]\d{0,8})$/

/**
 * The answer to the server's first message, and the signature by which the server must prove in turn that it knows the password.
 * Undefined for what is not as simple as the passwords of our own roles are: many rounds, a password that is not ASCII, a
 * message that must be refused.
 */
export function proveAtOnce (clientNonce: string, password: string, serverFirst: string): ScramProof | undefined {
  const [, nonce = '', salt = '', rounds = ''] = challenge.exec(serverFirst) ?? []
  if (nonce.length <= clientNonce.length || !nonce.startsWith(clientNonce)) return undefined
  if (Number(rounds) > ROUNDS_AT_ONCE || !/^[\x21-\x7e]+$/.test(password)) return undefined
  // biws is "n,,": no channel binding. PostgreSQL knows the user's name already and ignores this one.
  const withoutProof = `c=biws,r=${nonce}`
  const conversation = `n=*,r=${clientNonce},${serverFirst},${withoutProof}`
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(rounds), 32, 'sha256')
  const clientKey = sign(salted, 'Client Key')
  const signature = sign(createHash('sha256').update(clientKey).digest(), conversation)
  const proof = Buffer.from(clientKey.map((byte, place) => byte ^ (signature[place] ?? 0)))
  return {
    response: `${withoutProof},p=${proof.toString('base64')}`,
    serverSignature: sign(sign(salted, 'Server Key'), conversation).toString('base64')
  }
}

function sign (key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
