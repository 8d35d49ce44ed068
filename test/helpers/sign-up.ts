// Signs up an organization through the real API, for tests that need one.
import { randomBytes } from 'node:crypto'
import { type FastifyInstance } from 'fastify'
import { type Static } from 'typebox'
import { type SignedIn } from '../../src/features/auth/schemas.js'
import { type TenantId } from '../../src/tenancy/tenant.js'

export interface SignUpFields { email?: string, password?: string, name?: string, firstName?: string, lastName?: string, timeZone?: string }

export interface SignedUp extends Omit<Static<typeof SignedIn>, 'tenantId'> {
  tenantId: TenantId
  email: string
  password: string
  refreshToken: string
  /** For a bearer caller. */
  headers: { authorization: string }
}

export async function signUp (app: FastifyInstance, kind: 'church' | 'studio', fields: SignUpFields): Promise<SignedUp> {
  const mark = randomBytes(5).toString('hex')
  const { email = `ruth.${mark}@example.org`, password = `barley and wheat ${mark}`, name = `Organization ${mark}`, ...rest } = fields
  const response = await app.inject({
    method: 'POST',
    url: '/api/auth/register',
    payload: { email, password, firstName: 'Ruth', lastName: 'Miller', [kind === 'church' ? 'churchName' : 'studioName']: name, tokenDelivery: 'body', ...rest }
  })
  if (response.statusCode !== 201) throw new Error(`Sign-up was answered ${response.statusCode}: ${response.body}`)
  const signedUp = response.json<Static<typeof SignedIn> & { tenantId: TenantId, refreshToken: string }>()
  return { ...signedUp, email, password, headers: { authorization: `Bearer ${signedUp.accessToken}` } }
}
