// The organizations of the engine's chaos, what they were promised, and what has gone wrong.
import { type Static } from 'typebox'
import { type SignedIn } from '../../../src/features/auth/schemas.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { call } from '../chaos/client.js'
import { type Installation } from '../chaos/installation.js'
import { Excuses } from './excuses.js'

export interface Organization {
  id: TenantId
  headers: Record<string, string>
  /** The servers it is or was on, and when it left: milliseconds of Date.now(). */
  servers: Map<string, number>
  /** Members that were answered 201: last name → id. */
  accepted: Map<string, string>
  /** Last names of members whose caller never learnt what became of them. */
  uncertain: Set<string>
  /** Since when it is to be refused; Date.now(). */
  refusedSince: number | undefined
  /** Somebody is changing it. */
  inHand: boolean
}

export interface Ground extends Installation {
  organizations: Organization[]
  excuses: Excuses
  /** One sentence each. */
  wrong: string[]
  /** Answers by method, status and code. */
  answers: Map<string, number>
}

export async function prepareGround (installation: Installation, tenants: number): Promise<Ground> {
  const organizations: Organization[] = []
  for (let number = 0; number < tenants; number++) {
    const { status, answer } = await call({ apiUrl: installation.apiUrl, headers: {} }, 'POST', '/api/auth/register', {
      email: `ruth${number}@example.org`, password: 'barley and wheat 1', firstName: 'Ruth', lastName: 'Miller', churchName: `Church ${number}`
    })
    if (status !== 201) throw new Error(`Sign-up was answered ${status}: ${JSON.stringify(answer)}`)
    const { accessToken, tenantId } = answer as Static<typeof SignedIn> & { tenantId: TenantId }
    const organization = { id: tenantId, headers: { authorization: `Bearer ${accessToken}` }, servers: new Map(), accepted: new Map(), uncertain: new Set<string>(), refusedSince: undefined, inHand: false }
    organizations.push(organization)
    await learnServer(installation, organization)
  }
  return { ...installation, organizations, excuses: new Excuses(), wrong: [], answers: new Map() }
}

/** It is there, and has left the others. */
export async function learnServer ({ services }: Pick<Installation, 'services'>, { id, servers }: Organization): Promise<void> {
  const { server: { name } } = await services.operations.tenant(id)
  for (const [other, left] of servers) if (other !== name && left === Infinity) servers.set(other, Date.now())
  servers.set(name, Infinity)
}

export function count<Key> (counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
