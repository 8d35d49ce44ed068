// What the kill tests ask for, by its name.
import { join } from 'node:path'
import { backupSaga } from '../../../src/tenancy/lifecycle/backup-tenant.js'
import { cloneSaga, newClone } from '../../../src/tenancy/lifecycle/clone/clone-tenant.js'
import { moveSaga } from '../../../src/tenancy/lifecycle/move-tenant.js'
import { archiveTenant, findFile, restoreArchived, restoreFile } from '../../../src/tenancy/lifecycle/request-archive.js'
import { verifyBackup } from '../../../src/tenancy/lifecycle/request-backup.js'
import { requestDeletion } from '../../../src/tenancy/lifecycle/request-deletion.js'
import { revertSaga } from '../../../src/tenancy/lifecycle/revert-tenant.js'
import { rotateSaga } from '../../../src/tenancy/lifecycle/rotate-credentials.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { type openOperations } from '../../helpers/operations-ground.js'

const asked = { requestedBy: 'tests' }

export async function performOf (opened: Awaited<ReturnType<typeof openOperations>>, kind: string, tenantId: string): Promise<void> {
  const id = tenantId as TenantId
  switch (kind) {
    case 'delete':
      await requestDeletion(opened.operations, id, { at: new Date(), now: true, ...asked })
      await opened.operations.runDue(new AbortController().signal)
      break
    case 'archive':
      await archiveTenant(opened.forFiles, id, asked)
      break
    case 'restore':
      await restoreArchived(opened.forFiles, id, undefined, asked)
      break
    case 'restore-file':
      await restoreFile(opened.forFiles, join(opened.forFiles.spool, '..', `${tenantId}.koinonia`), undefined, asked)
      break
    case 'move':
      await opened.operations.perform(moveSaga, id, { to: 'west' }, asked)
      break
    case 'rotate':
      await opened.operations.perform(rotateSaga, id, {}, asked)
      break
    case 'backup':
      await opened.operations.perform(backupSaga, id, { keep: 1 }, asked)
      break
    case 'verify':
      await verifyBackup(opened.forFiles, await latest(opened, id), asked)
      break
    case 'revert':
      await opened.operations.perform(revertSaga, id, { key: (await latest(opened, id)).key }, asked)
      break
    case 'clone': {
      const clone = newClone(opened.keyring, { name: `Copy of ${id}`, email: `${id}@example.com`, passwordHash: 'none', to: undefined, now: new Date() })
      await opened.operations.perform(cloneSaga, id, clone, asked)
      break
    }
    default:
      throw new Error(`Nothing is called ${kind}`)
  }
}

async function latest ({ registry }: Awaited<ReturnType<typeof openOperations>>, id: TenantId) {
  const row = await registry.db.selectFrom('tenant_backups').select('id').where('tenant_id', '=', id).orderBy('created_at', 'desc').limit(1).executeTakeFirstOrThrow()
  return await findFile(registry.db, row.id)
}
