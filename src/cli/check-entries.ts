// What the doctor says of e-mails and numbers that the registry and a tenant's database tell differently.
import { type Check, failed, mendable } from './check.js'
import { type Compared, type Difference } from './compare-entries.js'
import { alignEmail, freeClaim, routeNumber } from './mend-entries.js'
import { type Operator } from './operator.js'

const ofEmails = new Set<Difference['kind']>(['admin-unlisted', 'email-misled', 'email-of-nobody'])

export function judgeEntries (operator: Operator, compared: readonly Compared[]): Check[] {
  const doubtful = keyInDoubt(compared)
  const shared = sharedNumbers(compared)
  const checks = compared.flatMap(({ tenant, differences }) => differences
    .filter(({ kind }) => doubtful === undefined || !ofEmails.has(kind))
    .map((difference) => judge(operator, tenant, difference, shared)))
  return doubtful === undefined ? checks : [doubtful, ...checks]
}

/** With another MASTER_KEY every hash is another: mending would fill the index with what nobody finds. */
function keyInDoubt (compared: readonly Compared[]): Check | undefined {
  const sum = (of: 'listed' | 'agreeing'): number => compared.reduce((total, one) => total + one[of], 0)
  if (sum('agreeing') > 0 || sum('listed') === 0) return undefined
  return failed('e-mail index', `none of its ${sum('listed')} entries is of an admin's address`,
    'Is MASTER_KEY the one that the service has? If it is, empty admin_email_index, then run: koinonia doctor --tenants --fix. It writes it anew.')
}

/** Active in more than one organization: nobody can tell from here whose it is. */
function sharedNumbers (compared: readonly Compared[]): Map<string, string[]> {
  const owners = new Map<string, string[]>()
  for (const { tenant, activeNumbers } of compared) for (const number of activeNumbers) owners.set(number, [...owners.get(number) ?? [], tenant.id])
  return new Map([...owners].filter(([, ids]) => ids.length > 1))
}

function judge (operator: Operator, tenant: Compared['tenant'], difference: Difference, shared: ReadonlyMap<string, string[]>): Check {
  const { id } = tenant
  switch (difference.kind) {
    case 'admin-unlisted': {
      const { adminId, hash } = difference
      return mendable('e-mail index', `admin ${adminId} of ${id} has no entry and can't sign in`, { what: `enter admin ${adminId} of ${id} in the e-mail index`, subject: id, run: () => alignEmail(operator, tenant, hash) })
    }
    case 'email-misled': {
      const { adminId, hash } = difference
      return mendable('e-mail index', `the entry of admin ${adminId} of ${id} leads to somebody else, so they can't sign in`, { what: `let the e-mail of admin ${adminId} of ${id} lead to them`, subject: id, run: () => alignEmail(operator, tenant, hash) })
    }
    case 'email-of-nobody': {
      const { hash } = difference
      const entry = `e-mail ${hash.slice(0, 12)}…`
      return mendable('e-mail index', `${entry} leads to ${id}, where nobody has it`, { what: `remove ${entry} of ${id} from the index`, subject: id, run: () => alignEmail(operator, tenant, hash) })
    }
    default: return judgeNumber(operator, tenant, difference, shared)
  }
}

function judgeNumber (operator: Operator, tenant: Compared['tenant'], difference: Extract<Difference, { number: string }>, shared: ReadonlyMap<string, string[]>): Check {
  const { id } = tenant
  const { number } = difference
  const others = shared.get(number)
  switch (difference.kind) {
    case 'number-unrouted':
      if (others !== undefined) return failed('number index', `${number} is active in ${others.join(' and ')} and routed to none: texts to it are lost`, 'Ask the carrier whose it is, and disconnect it in the others\' phone_numbers. Then run this again.')
      return mendable('number index', `${number} of ${id} has no route: texts to it are lost`, { what: `route ${number} to ${id}`, subject: id, run: () => routeNumber(operator, tenant, number) })
    case 'number-elsewhere':
      return failed('number index', difference.owner === id
        ? `${number} is active in ${id}, but released in the index: texts to it are lost`
        : `${number} is active in ${id}, but ${difference.status} for ${difference.owner}, which gets its texts`,
      'Look at the carrier and in both organizations whose it is, then mend phone_number_registry or phone_numbers by hand.')
    case 'claim-left':
      return mendable('number index', `${number} is reserved for ${id}, which is not buying it`, { what: `let ${number} be bought again`, subject: id, run: () => freeClaim(operator, tenant, number) }, 'warning')
    case 'number-unknown':
      return failed('number index', `${number} is routed to ${id}, which does not have it`, 'Was its database restored from before it was bought? Write its row of phone_numbers again, or release it at the carrier and delete its row of phone_number_registry.')
  }
}
