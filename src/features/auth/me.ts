// Who is signed in, read afresh: names and roles may have changed since the token was made.
import { type FastifyRequest } from 'fastify'
import { problem } from '../../errors.js'
import { type Services } from '../../services.js'
import { selectAdmin, selectOrganization } from './queries.js'

/** @throws Problem TENANT_NOT_FOUND when the organization went away meanwhile */
export async function describeMe ({ registry }: Pick<Services, 'registry'>, { db, tenant, actor }: Pick<FastifyRequest, 'db' | 'tenant' | 'actor'>) {
  const admin = await selectAdmin(db, actor.adminId)
  const organization = tenant.organizationId === null ? undefined : await selectOrganization(registry, tenant.organizationId)
  if (admin === undefined || organization === undefined) throw problem('TENANT_NOT_FOUND')
  return { admin, organization: { ...organization, trialEndsAt: organization.trialEndsAt.toISOString() }, tenantId: tenant.id }
}
