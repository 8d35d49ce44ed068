// Finds what crashes left in the registry and on the servers, removes what is surely nobody's, and names the rest.
import { inspectServer } from './inspect-server.js'
import { type Provisioning } from './provisioning.js'
import { type TenantId } from './tenant.js'
import { selectTenants, toTenant } from './tenant-rows.js'
import { undoTenant, unfinishedTenants } from './undo-tenant.js'

export interface Finding {
  kind: 'undo-failed' | 'server-unreachable' | 'database-missing' | 'orphan-with-data'
  server: string
  subject: string
  /** Says what happened and what to do. */
  detail: string
}

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

/** Several processes may run this at once: each row is undone by whoever claims it. Fails only when the registry does. */
export async function reconcile (work: Provisioning, drain: (id: TenantId) => Promise<void>): Promise<ReconcileReport> {
  const report: ReconcileReport = { ...await undoExpired(work, drain), orphansDropped: [], templatesDropped: [], unfinished: 0 }
  for (const server of work.servers.names) {
    await inspectServer(work, server, report).catch((error: unknown) => {
      report.findings.push({ kind: 'server-unreachable', server, subject: server, detail: `${messageOf(error)} Check that the server runs and that its URL is right.` })
    })
  }
  const left = await unfinishedTenants(work.registry)
  const { undone, orphansDropped, templatesDropped, findings } = report
  if (undone.length + orphansDropped.length + templatesDropped.length + findings.length > 0) {
    work.log.info({ undone, orphansDropped, templatesDropped, findings }, 'tenants reconciled')
  }
  return { ...report, unfinished: left.expired.length + left.fresh }
}

/** Takes back every tenant whose owner has let its time pass. What fails is a finding, and tried again the next time. */
export async function undoExpired (work: Provisioning, drain: (id: TenantId) => Promise<void>): Promise<Pick<ReconcileReport, 'undone' | 'findings'>> {
  const { expired } = await unfinishedTenants(work.registry)
  const undone: string[] = []
  const findings: Finding[] = []
  for (const id of expired) {
    const row = await selectTenants(work.registry).where('tenants.id', '=', id).executeTakeFirst()
    if (row === undefined) continue
    const tenant = toTenant(row)
    try {
      await drain(tenant.id)
      if (await undoTenant(work, tenant, 'expired')) undone.push(id)
    } catch (error) {
      work.log.warn({ err: error, tenantId: id }, 'an unfinished tenant could not be taken back')
      findings.push({ kind: 'undo-failed', server: tenant.server.name, subject: tenant.databaseName, detail: `${messageOf(error)} It is tried again by itself.` })
    }
  }
  return { undone, findings }
}

function messageOf (error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return /[.!?]$/.test(message) ? message : `${message}.`
}
