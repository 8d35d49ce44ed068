// The signed address at which a carrier fetches one file of one organization: made when a text leaves, good for a day or two.
import { type Keyring } from '../../crypto/keyring.js'
import { openToken, signToken } from '../../crypto/tokens.js'
import { isTenantId, type TenantId } from '../../tenancy/tenant.js'

export interface MediaAddress { tenantId: TenantId, mediaId: string }

const idBytes = 16
const dayBytes = 4
const dayMs = 24 * 3600_000

/**
 * Good until the end of tomorrow, UTC. The same for all texts of a day, because carriers fetch an address once and keep what they
 * got for a while: one that changed with each recipient would be fetched for each. `publicUrl` has no slash at its end.
 */
export function makeMediaLink (keyring: Keyring, publicUrl: string, { tenantId, mediaId }: MediaAddress, now: Date): string {
  const lastDay = Buffer.alloc(dayBytes)
  lastDay.writeUInt32BE(Math.floor(now.getTime() / dayMs) + 1)
  const payload = Buffer.concat([Buffer.from(mediaId.replaceAll('-', ''), 'hex'), lastDay, Buffer.from(tenantId)])
  return `${publicUrl}/media/${signToken(keyOf(keyring), payload)}`
}

/** Undefined for a token that `makeMediaLink` did not make under this master key, and for one that has expired. */
export function openMediaLink (keyring: Keyring, token: string, now: Date): MediaAddress | undefined {
  const opened = openToken(keyOf(keyring), token)
  if (opened === undefined || opened.length <= idBytes + dayBytes) return undefined
  const tenantId = opened.subarray(idBytes + dayBytes).toString()
  if (opened.readUInt32BE(idBytes) < Math.floor(now.getTime() / dayMs) || !isTenantId(tenantId)) return undefined
  return { tenantId, mediaId: opened.subarray(0, idBytes).toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') }
}

function keyOf (keyring: Keyring): Buffer {
  return keyring.derive('media-link')
}
