// `koinonia tenants archive` and `restore`: an organization put away into one file, and brought back from it.
import { type Command } from 'commander'
import { createWriteStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { problem } from '../errors.js'
import { archiveTenant, type ArchiveServices, findFile, restoreArchived, restoreFile } from '../tenancy/lifecycle/request-archive.js'
import { goBackTo } from '../tenancy/lifecycle/request-backup.js'
import { type TenantId } from '../tenancy/tenant.js'
import { asOperator, type Operator } from './operator.js'
import { audited, operatorName } from './operator-audit.js'
import { operationProgress } from './operation-progress.js'
import { asTenantId } from './tenant-id.js'

interface ArchiveOptions { to?: string, json?: true }
interface RestoreOptions { server?: string, fromBackup?: string, json?: true }

export function archiveCommands (tenants: Command): void {
  tenants.command('archive <id>')
    .description('put an organization away: its database into one encrypted file, proved by restoring it, then dropped')
    .option('--to <file>', 'write a copy of the file there')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia tenants archive h5q3m8d2k9x7w4v1 --to grace-chapel.koinonia')
    .action(async (id: string, options: ArchiveOptions) => {
      await asOperator(async (operator) => { await archive(operator, asTenantId(id), options) })
    })
  tenants.command('restore <id-or-file>')
    .description('bring an archived organization back, also from a file into a registry that does not know it')
    .option('--server <name>', 'the database server it comes to; without it the least full open one')
    .option('--from-backup <backup>', 'from this backup; of an organization in use the database is put in place of its own')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia tenants restore h5q3m8d2k9x7w4v1 --server east')
    .action(async (from: string, options: RestoreOptions) => {
      await asOperator(async (operator) => { await restore(operator, from, options) })
    })
}

export const archiveServices = ({ registry, operations, provisioner, archives, config }: Operator): ArchiveServices =>
  ({ registry, operations, provisioner, archives, spool: join(config.DATA_DIR, 'spool') })

async function archive (operator: Operator, id: TenantId, { to, json }: ArchiveOptions): Promise<void> {
  if (to !== undefined && existsSync(to)) throw problem('TENANT_STATUS_CONFLICT', { detail: `${to} is there already. Nothing was changed; name another file.` })
  const progress = operationProgress('archive', json === true)
  const file = await audited(operator, {
    action: 'tenants.archive',
    subject: id,
    run: () => archiveTenant(archiveServices(operator), id, { requestedBy: operatorName(), onProgress: progress.show }).finally(progress.end)
  })
  if (to !== undefined) {
    const content = await operator.archives.get(file.key)
    if (content === undefined) throw problem('ARCHIVE_UNREADABLE', { detail: `The storage has no ${file.key} any more.` })
    await pipeline(content, createWriteStream(to, { flags: 'wx', mode: 0o600, flush: true }))
  }
  console.log(json === true
    ? JSON.stringify({ id, status: 'archived', archive: file.id, key: file.key, sha256: file.sha256.toString('hex'), ...(to === undefined ? {} : { file: to }) })
    : `${id} is archived as ${file.key}${to === undefined ? '' : `, with a copy in ${to}`}. Bring it back with: koinonia tenants restore ${id}`)
}

async function restore (operator: Operator, from: string, { server, fromBackup, json }: RestoreOptions): Promise<void> {
  const services = archiveServices(operator)
  const progress = operationProgress('restore', json === true)
  const request = { requestedBy: operatorName(), onProgress: progress.show }
  const { id, former } = await audited<{ id: TenantId, former?: string | undefined }>(operator, {
    action: 'tenants.restore',
    ...(existsSync(from) ? {} : { subject: asTenantId(from) }),
    note: (restored) => ({ subject: restored.id }),
    async run () {
      try {
        if (existsSync(from)) return { id: await restoreFile(services, from, server, request) }
        const tenantId = asTenantId(from)
        if (fromBackup === undefined) await restoreArchived(services, tenantId, server, request)
        else return { id: tenantId, former: await goBackTo(services, await backupOf(operator, tenantId, fromBackup), server, request) }
        return { id: tenantId }
      } finally {
        progress.end()
      }
    }
  })
  const { status, server: { name } } = await operator.operations.tenant(id)
  if (status === 'active') await (await import('./resume-tenant.js')).goOn(operator, id)
  console.log(json === true
    ? JSON.stringify({ id, status, server: name, ...(former === undefined ? {} : { backupOfBefore: former }) })
    : `${id} is ${status}, on server ${name}.${former === undefined ? '' : ` As it was before: koinonia tenants restore ${id} --from-backup ${former}`}`)
}

async function backupOf ({ registry }: Operator, tenantId: TenantId, backupId: string) {
  const file = await findFile(registry, backupId)
  if (file.tenantId !== tenantId) throw problem('TENANT_STATUS_CONFLICT', { detail: `Backup ${backupId} is ${file.tenantId}'s, not ${tenantId}'s. Nothing was changed.` })
  return file
}
