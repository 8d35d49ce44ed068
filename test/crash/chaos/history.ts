// Holds what the carrier got against what the organization's database says, recipient by recipient.
import { fieldCrypto } from '../../../src/crypto/fields.js'
import { type RecipientState } from '../../../src/features/messages/states.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { type RunningCarrier } from '../../../src/sandbox/carrier/start-carrier.js'
import { type Installation } from './installation.js'

export interface History {
  recipients: number
  states: Partial<Record<RecipientState, number>>
  /** One sentence each: a text the carrier got twice, or for nobody; a state that contradicts what it got; an unknown one that no person will be told of. */
  wrong: string[]
}

/** How often the carrier may have got a text for a recipient in each state. What still waits is in none of them. */
const possible: Record<RecipientState, readonly number[]> = {
  queued: [], sending: [], sent: [1], delivered: [1], failed: [0, 1], unknown: [0, 1], suppressed: [0], cancelled: [0]
}

export async function readHistory ({ carrier, services }: Installation, tenantId: TenantId): Promise<History> {
  const taken = await takenBy(carrier)
  const fields = fieldCrypto(services.keyring, tenantId)
  const recipients = await services.tenancy.withTenant(tenantId, (db) => db.selectFrom('message_recipients as r').innerJoin('messages as m', 'm.id', 'r.message_id')
    .leftJoin('dead_letter_queue as d', (join) => join.onRef('d.message_id', '=', 'r.message_id').onRef('d.phone_hash', '=', 'r.phone_hash'))
    .select(['m.text', 'r.phone_cipher', 'r.status', 'd.status as entry']).execute())
  const states: History['states'] = {}
  const wrong: string[] = []
  for (const { text, phone_cipher: cipher, status, entry } of recipients) {
    const sent = `${text} to ${fields.decrypt(cipher)}`
    const times = taken.get(sent) ?? 0
    taken.delete(sent)
    states[status] = (states[status] ?? 0) + 1
    if (!possible[status].includes(times)) wrong.push(`${sent} is ${status}, and the carrier got it ${times} times`)
    if (status === 'unknown' && entry !== 'pending') wrong.push(`${sent} is unknown, and no dead letter tells of it`)
  }
  for (const sent of taken.keys()) wrong.push(`${sent} belongs to no recipient`)
  return { recipients: recipients.length, states, wrong }
}

const mostKept = 100_000

/** Text and phone → how often. */
async function takenBy ({ url }: RunningCarrier): Promise<Map<string, number>> {
  const response = await fetch(`${url}/sandbox/messages?limit=${mostKept}`)
  const { items } = await response.json() as { items: Array<{ direction: string, to: string, text: string }> }
  if (items.length === mostKept) throw new Error('The carrier got more texts than can be listed: make fewer kills at a time.')
  const taken = new Map<string, number>()
  for (const { direction, to, text } of items) {
    if (direction !== 'outbound') continue
    const sent = `${text} to ${to}`
    taken.set(sent, (taken.get(sent) ?? 0) + 1)
  }
  return taken
}
