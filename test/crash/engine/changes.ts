// What operators do to organizations while they are used, each followed by its way back; tried again until it is done.
import { setTimeout as pause } from 'node:timers/promises'
import { archiveServices } from '../../../src/cli/archive-tenant.js'
import { resumeTenant } from '../../../src/cli/resume-tenant.js'
import { moveSaga } from '../../../src/tenancy/lifecycle/move-tenant.js'
import { archiveTenant, restoreArchived } from '../../../src/tenancy/lifecycle/request-archive.js'
import { rotateSaga } from '../../../src/tenancy/lifecycle/rotate-credentials.js'
import { type Excuse } from './excuses.js'
import { type Ground, learnServer, type Organization } from './ground.js'

export const changes = ['suspend', 'rotate', 'archive', 'move'] as const
export type Change = typeof changes[number]

/** A change is heard of everywhere in so many milliseconds. */
const echoMs = 3_000
const settledMs = 240_000
const tries = 20
const request = { requestedBy: 'the chaos' }

const excuses: Record<Change, Pick<Excuse, 'codes' | 'writesOnly'>> = {
  suspend: { codes: ['TENANT_SUSPENDED'] },
  rotate: { codes: [] },
  archive: { codes: ['TENANT_ARCHIVED'] },
  move: { codes: ['TENANT_MOVING'], writesOnly: true }
}

/** Resolves when the organization has been through it and is in use again. Returns how often it was taken back on the way. */
export async function change (ground: Ground, organization: Organization, kind: Change): Promise<number> {
  organization.inHand = true
  const end = ground.excuses.begin({ tenant: organization.id, echoMs, ...excuses[kind] })
  // It may come to be anywhere.
  if (kind === 'archive' || kind === 'move') for (const name of ground.services.provisioner.work.servers.names) organization.servers.set(name, Infinity)
  try {
    for (let undone = 0; ; undone++) {
      const failure = await perform(ground, organization, kind).then(() => undefined, (error: unknown) => error ?? new Error('It failed'))
      await settle(ground, organization)
      if (failure === undefined) return undone
      if (undone === tries) throw new Error(`${kind} of ${organization.id} failed ${tries} times`, { cause: failure })
      await pause(500)
    }
  } finally {
    end()
    organization.inHand = false
  }
}

async function perform ({ services }: Ground, organization: Organization, kind: Change): Promise<void> {
  const { id } = organization
  switch (kind) {
    case 'suspend':
      await services.provisioner.suspend(id)
      organization.refusedSince = Date.now()
      await pause(1_500 + Math.random() * 1_500)
      organization.refusedSince = undefined
      return
    case 'rotate':
      await services.operations.perform(rotateSaga, id, {}, request)
      return
    case 'archive':
      await archiveTenant(archiveServices(operatorOf(services)), id, request)
      return
    case 'move': {
      const { server } = await services.operations.tenant(id)
      const to = services.provisioner.work.servers.names.find((name) => name !== server.name)
      if (to === undefined) throw new Error('There is no other server')
      await services.operations.perform(moveSaga, id, { to }, request)
    }
  }
}

/** As an operator does it who looks at `koinonia tenants show` and `operations`: until it is in use and nothing is under way. */
async function settle (ground: Ground, organization: Organization): Promise<void> {
  const { services } = ground
  const { id } = organization
  for (const end = Date.now() + settledMs; ;) {
    try {
      const [unfinished] = await services.operations.list({ tenantId: id, unfinishedOnly: true, limit: 1 })
      const { status } = await services.operations.tenant(id)
      if (unfinished !== undefined) await services.operations.retry(unfinished.id)
      else if (status === 'suspended') await resumeTenant(operatorOf(services), id)
      else if (status === 'archived') await restoreArchived(archiveServices(operatorOf(services)), id, undefined, request)
      else if (status === 'active') {
        await learnServer(ground, organization)
        return
      }
    } catch (error) {
      if (Date.now() > end) throw new Error(`${id} could not be brought back into use`, { cause: error })
    }
    await pause(200)
  }
}

const operatorOf = (services: Ground['services']) => ({ ...services, registryUrl: services.config.REGISTRY_DATABASE_URL ?? '' })
