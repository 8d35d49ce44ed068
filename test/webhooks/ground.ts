// The production app believing our own carrier key, and organizations with a number each, for tests of what comes in.
import { type Clock } from '../../src/clock.js'
import { type Config } from '../../src/config.js'
import { fieldCrypto } from '../../src/crypto/fields.js'
import { type TenantDb } from '../../src/tenancy/tenant.js'
import { processEvents } from '../../src/webhooks/process-events.js'
import { buildTestApp, type TestApp } from '../helpers/build.js'
import { type SignedUp } from '../helpers/sign-up.js'
import { signingKey } from './post-telnyx.js'

export interface Organization extends SignedUp {
  name: string
  /** Ours, E.164, active. */
  number: string
}

export interface Ground extends TestApp {
  newOrganization: (name: string) => Promise<Organization>
  /** Works off everything that is due. */
  process: () => Promise<void>
}

interface Teardown { teardown: (run: () => Promise<void>) => unknown }

export async function openGround (t: Teardown, config: Partial<Config> = {}, clock?: Clock): Promise<Ground> {
  const test = await buildTestApp(t, { config: { TELNYX_PUBLIC_KEY: signingKey.publicKey, ...config }, ...(clock === undefined ? {} : { clock }) })
  return {
    ...test,
    async newOrganization (name) {
      const signedUp = await test.signUp('church', { name })
      const { number } = await test.addNumber(signedUp)
      return { ...signedUp, name, number }
    },
    process: () => processEvents(test.services, new AbortController().signal)
  }
}

export async function inTenant<T> ({ services }: Pick<Ground, 'services'>, { tenantId }: Pick<SignedUp, 'tenantId'>, use: (db: TenantDb) => Promise<T>): Promise<T> {
  return services.tenancy.withTenant(tenantId, (db) => use(db))
}

/** A member of the organization, put in by hand. */
export async function addMember (ground: Ground, organization: Organization, phone: string, optInState: 'pending' | 'opted_in' | 'opted_out' = 'opted_in'): Promise<string> {
  const fields = fieldCrypto(ground.services.keyring, organization.tenantId)
  return inTenant(ground, organization, async (db) => {
    const { id } = await db.insertInto('members').values({
      first_name: 'Ada', last_name: 'Okafor', phone_cipher: fields.encrypt(phone), phone_hash: fields.blindIndex(phone), opt_in_state: optInState
    }).returning('id').executeTakeFirstOrThrow()
    return id
  })
}
