// The doctor's look at what crashes left: databases and roles nobody knows, tenants without a database, half-made ones, old templates.
import { type Leftover } from '../tenancy/leftovers.js'
import { inspect } from '../tenancy/reconcile.js'
import { attempt, type Check, failed, mendable, ok } from './check.js'
import { type Operator } from './operator.js'

export async function checkLeftovers ({ provisioner, tenancy }: Operator): Promise<Check[]> {
  return await attempt('leftovers', 'See the other findings, then run this again.', async () => {
    const { leftovers, findings } = await inspect(provisioner.work, (id) => tenancy.drain(id))
    // What an unreachable server is called is said by its own check.
    const named = findings.filter(({ kind }) => kind !== 'server-unreachable')
    return [
      ...(leftovers.length + named.length === 0 ? [ok('leftovers', 'none')] : []),
      ...leftovers.map(toCheck),
      ...named.map(({ kind, server, subject, detail }) => failed(kind.replaceAll('-', ' '), `${subject} on ${server}`, detail))
    ]
  })
}

function toCheck ({ kind, server, subject, remove }: Leftover): Check {
  const where = `${subject} on ${server}`
  switch (kind) {
    case 'unfinished-tenant':
      return mendable('unfinished tenant', `${where} was not finished, or is a spare without a database`, { what: `take back tenant ${where}`, subject, run: remove })
    case 'orphan':
      return mendable('orphan', `the registry has no row for ${where}, and nobody has an account in it`, { what: `drop database and role ${where}`, run: remove })
    case 'stale-template':
      return mendable('stale template', `${where} is of another schema`, { what: `drop template ${where}`, run: remove }, 'warning')
  }
}
