// The signed token in each text's callback URL: it names tenant, message and recipient, so a delivery event needs no search.
import { type Keyring } from '../../crypto/keyring.js'
import { openToken, signToken } from '../../crypto/tokens.js'
import { isTenantId, type TenantId } from '../../tenancy/tenant.js'

export interface StatusAddress { tenantId: TenantId, messageId: string, phoneHash: Buffer }

const idBytes = 16
const hashBytes = 32

/** The same each time for the same recipient: by it a carrier's log shows whether a text ever left twice. */
export function makeStatusToken (keyring: Keyring, { tenantId, messageId, phoneHash }: StatusAddress): string {
  return signToken(keyring.derive('status-token'), Buffer.concat([Buffer.from(messageId.replaceAll('-', ''), 'hex'), phoneHash, Buffer.from(tenantId)]))
}

/** Undefined for every token that `makeStatusToken` did not make under this master key. */
export function openStatusToken (keyring: Keyring, token: string): StatusAddress | undefined {
  const opened = openToken(keyring.derive('status-token'), token)
  if (opened === undefined) return undefined
  const tenantId = opened.subarray(idBytes + hashBytes).toString()
  if (!isTenantId(tenantId)) return undefined
  return { tenantId, messageId: toUuid(opened.subarray(0, idBytes)), phoneHash: opened.subarray(idBytes, idBytes + hashBytes) }
}

/** `publicUrl`: where the carrier reaches this service, without a slash at the end. */
export function statusUrl (publicUrl: string, token: string): string {
  return `${publicUrl}/webhooks/telnyx/status/${token}`
}

function toUuid (bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
