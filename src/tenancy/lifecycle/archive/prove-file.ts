// Proves that a file can be restored: by restoring it into a database of its own, which is then dropped.
import { problem } from '../../../errors.js'
import { ensureOwner, SCRATCH_OWNER } from '../../template.js'
import { type Archive, buildDatabase, dropScratch, scratchName } from '../build-database.js'
import { type OperationContext } from '../saga.js'
import { readArchive } from './archive-file.js'
import { type TenantFile } from './write-tenant.js'

/** @throws Problem ARCHIVE_UNREADABLE; CopyDiffers; and when a table differs from what was noted as it was written */
export async function proveFile (context: OperationContext, server: string, key: string, tables: TenantFile['tables']): Promise<void> {
  const { work, operationId } = context
  const database = scratchName(operationId)
  await work.servers.connect(server, (client) => ensureOwner(client, SCRATCH_OWNER))
  const { digests } = await withFile(context, key, (archive) => buildDatabase(context, { server, database, role: SCRATCH_OWNER }, archive))
  for (const [name, { rows, sha256 }] of Object.entries(tables)) {
    const found = digests.get(name)
    if (found?.rows !== rows || found.sha256 !== sha256) throw problem('ARCHIVE_UNREADABLE', { detail: `Table ${name} is not in the file as it was when the file was written.` })
  }
  await dropScratch(context, server, database)
}

/** The file is read as `use` goes, and let go of however it ends. */
export async function withFile<T> ({ archives, work }: Pick<OperationContext, 'archives' | 'work'>, key: string, use: (archive: Archive) => Promise<T>): Promise<T> {
  const content = await archives.get(key)
  if (content === undefined) throw problem('ARCHIVE_UNREADABLE', { detail: `The storage has no ${key} any more. Nothing was changed.` })
  // Whoever reads hears of an error; before and after, nobody does.
  content.on('error', () => undefined)
  try {
    return await use(await readArchive(work.keyring, content))
  } finally {
    content.destroy()
  }
}
