// What the registry tells of the whole fleet, whichever process is asked: jobs, webhook ledger, operations, spares and migrations.
import { Gauge } from 'prom-client'
import { type Services } from '../services.js'
import { countJobs, countOperations, countTenants, countWebhooks, oldestBackup } from './registry-counts.js'

/** The other series are wanted most when the registry does not answer. */
const patienceMs = 2_000

/** Returns what brings them up to date; what could not be asked is left out. Never rejects. */
export function registryGauges ({ metrics, registry, log }: Pick<Services, 'metrics' | 'registry' | 'log'>): () => Promise<void> {
  const gauge = (name: string, help: string, ...labelNames: string[]) => new Gauge({ name, help, labelNames, registers: [metrics.registry] })
  const jobs = gauge('koinonia_queued_jobs', 'Background jobs in the queue by state: dead ones have failed for good.', 'state')
  const webhooks = gauge('koinonia_webhook_events', 'Webhook events in the ledger that wait, or have failed for good.', 'state')
  const oldestWebhook = gauge('koinonia_webhook_oldest_waiting_seconds', 'Age of the oldest webhook event that is due and waits; 0 when none does.')
  const operations = gauge('koinonia_tenant_operations', 'Unfinished operations on whole tenants: in somebody\'s hands, waiting, or failed.', 'state')
  const backup = gauge('koinonia_oldest_backup_seconds', 'How long ago the organization was backed up that has waited longest; 0 where no backups are made.')
  const tenants = gauge('koinonia_tenants', 'Tenants by server and status.', 'server', 'status')
  const spares = gauge('koinonia_spare_tenants', 'Databases ready for a sign-up.', 'server')
  const migrations = gauge('koinonia_tenant_migrations', 'Tenants behind this code, being migrated, and whose last migration failed.', 'server', 'state')
  const all = [jobs, webhooks, oldestWebhook, operations, backup, tenants, spares, migrations]

  const ask = async (): Promise<() => void> => {
    const [queued, ledger, unfinished, fleet, oldest] = await Promise.all([countJobs(registry), countWebhooks(registry), countOperations(registry), countTenants(registry), oldestBackup(registry)])
    return () => {
      for (const [state, count] of Object.entries(queued)) jobs.set({ state }, count)
      webhooks.set({ state: 'waiting' }, ledger.waiting)
      webhooks.set({ state: 'failed' }, ledger.failed)
      oldestWebhook.set(ledger.oldestSeconds)
      for (const [state, count] of Object.entries(unfinished)) operations.set({ state }, count)
      backup.set(oldest)
      for (const { server, status, count, ...states } of fleet) {
        if (status !== null) tenants.set({ server, status }, count)
        spares.inc({ server }, status === 'spare' ? count : 0)
        for (const [state, found] of Object.entries(states)) migrations.inc({ server, state }, found)
      }
    }
  }
  let asked: Promise<(() => void) | undefined> | undefined
  return async () => {
    // One at a time: a registry that hangs is not asked again by each scrape.
    asked ??= ask().catch((error: unknown) => {
      log.warn({ err: error }, 'the registry could not be counted')
      return undefined
    }).finally(() => { asked = undefined })
    const set = await inTime(asked)
    for (const each of all) each.reset()
    set?.()
  }
}

async function inTime<T> (answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => { timer = setTimeout(resolve, patienceMs, undefined) })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
