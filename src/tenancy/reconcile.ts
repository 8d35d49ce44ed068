// Finds what crashes left in the registry and on the servers; removes what is surely nobody's, or only tells.
import { inspectServer } from './inspect-server.js'
import { type Finding, type Inspection, type Leftover } from './leftovers.js'
import { mapBounded } from './map-bounded.js'
import { type Provisioning } from './provisioning.js'
import { type TenantId } from './tenant.js'
import { selectTenants, toTenant } from './tenant-rows.js'
import { undoTenant, unfinishedTenants } from './undo-tenant.js'

export interface ReconcileReport {
  /** Tenants whose unfinished sign-up, or unfinished spare, was taken back. */
  undone: string[]
  /** Databases and roles of ours that no row of the registry knew, with nobody's data in them. */
  orphansDropped: string[]
  templatesDropped: string[]
  findings: Finding[]
  /** Sign-ups and spares in somebody's hands just now. */
  unfinished: number
}

type Drain = (id: TenantId) => Promise<void>

/** Servers looked at, and things removed, at a time. */
const AT_ONCE = 4

/** Several processes may run this at once: each row is undone by whoever claims it. Fails only when the registry does. */
export async function reconcile (work: Provisioning, drain: Drain): Promise<ReconcileReport> {
  const { leftovers, findings } = await inspect(work, drain)
  const removed = await removeAll(work, leftovers)
  const left = await unfinishedTenants(work.registry)
  const report = {
    undone: removed.of('unfinished-tenant'),
    orphansDropped: removed.of('orphan'),
    templatesDropped: removed.of('stale-template'),
    findings: [...removed.failures, ...findings]
  }
  if (Object.values(report).some(({ length }) => length > 0)) work.log.info(report, 'tenants reconciled')
  return { ...report, unfinished: left.expired.length + left.fresh }
}

/** Changes nothing: what `reconcile` would remove, and what it would name. Fails only when the registry does. */
export async function inspect (work: Provisioning, drain: Drain): Promise<Inspection> {
  const servers = await mapBounded(work.servers.names, AT_ONCE, async (server) => await inspectServer(work, server).catch((error: unknown): Inspection => ({
    leftovers: [],
    findings: [{ kind: 'server-unreachable', server, subject: server, detail: `${messageOf(error)} Check that the server runs and that its URL is right.` }]
  })))
  return {
    leftovers: [...await expiredTenants(work, drain), ...servers.flatMap(({ leftovers }) => leftovers)],
    findings: servers.flatMap(({ findings }) => findings)
  }
}

/** Takes back every tenant whose owner has let its time pass. What fails is a finding, and tried again the next time. */
export async function undoExpired (work: Provisioning, drain: Drain): Promise<Pick<ReconcileReport, 'undone' | 'findings'>> {
  const removed = await removeAll(work, await expiredTenants(work, drain))
  return { undone: removed.of('unfinished-tenant'), findings: removed.failures }
}

/** One query when there is none. */
async function expiredTenants (work: Provisioning, drain: Drain): Promise<Leftover[]> {
  const { expired } = await unfinishedTenants(work.registry)
  if (expired.length === 0) return []
  const rows = await selectTenants(work.registry).where('tenants.id', 'in', expired).execute()
  return rows.map(toTenant).map((tenant) => ({
    kind: 'unfinished-tenant',
    server: tenant.server.name,
    subject: tenant.id,
    async remove () {
      await drain(tenant.id)
      return await undoTenant(work, tenant, 'expired')
    }
  }))
}

async function removeAll (work: Provisioning, leftovers: Leftover[]) {
  const removed: Leftover[] = []
  const failures: Finding[] = []
  await mapBounded(leftovers, AT_ONCE, async (leftover) => {
    try {
      if (await leftover.remove()) removed.push(leftover)
    } catch (error) {
      const { kind, server, subject } = leftover
      work.log.warn({ err: error, kind, server, subject }, 'what a crash left could not be removed')
      const name = kind === 'unfinished-tenant' ? `tenant_${subject}` : subject
      failures.push({ kind: 'undo-failed', server, subject: name, detail: `${messageOf(error)} It is tried again by itself.` })
    }
  })
  return { failures, of: (kind: Leftover['kind']) => removed.filter((leftover) => leftover.kind === kind).map(({ subject }) => subject) }
}

function messageOf (error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return /[.!?]$/.test(message) ? message : `${message}.`
}
