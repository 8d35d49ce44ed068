// Sees to it that an import is worked on until its end, and that what it leaves behind goes, in a way that a crash between any two steps cannot lose.
import { Type } from 'typebox'
import { type Services } from '../../../services.js'

const schema = Type.Object({ tenantId: Type.String(), importId: Type.String() }, { additionalProperties: false })
/** What the jobs are called and carry; jobs.ts says what they do. */
export const importJobShape = { name: 'members.import', schema }
export const discardJobShape = { name: 'members.import-discard', schema }

export interface ImportOf { tenantId: string, importId: string }
type Queueing = Pick<Services, 'jobs' | 'config' | 'log'>

/** Where an import's file lies: named by the import, not by its bytes, so that it goes when the import has ended. */
export function fileKey ({ tenantId, importId }: ImportOf): string {
  return `${tenantId}/imports/${importId}`
}

/** Before the transaction that writes the import, and again while a run is at work: a visit in SEND_RECOVERY_MS, whether or not anyone lives to wake it. */
export async function guardImport ({ jobs, config }: Queueing, { tenantId, importId }: ImportOf): Promise<void> {
  const runAt = new Date(Date.now() + config.SEND_RECOVERY_MS)
  await jobs.enqueue(importJobShape, { tenantId, importId }, { key: `import-net:${importId}`, runAt })
}

/** Never throws: the import is written, and the net takes up what could not be woken. */
export async function wakeImport ({ jobs, log }: Queueing, { tenantId, importId }: ImportOf): Promise<void> {
  try {
    await jobs.enqueue(importJobShape, { tenantId, importId }, { key: `import:${importId}` })
  } catch (error) {
    log.warn({ err: error, tenantId, importId }, 'no worker could be woken for an import; the safety net will take it up')
  }
}

/** After a time that is no run's: a suspended tenant may come back. */
export async function wakeImportLater ({ jobs }: Queueing, { tenantId, importId }: ImportOf, inMs: number): Promise<void> {
  await jobs.enqueue(importJobShape, { tenantId, importId }, { key: `import-net:${importId}`, runAt: new Date(Date.now() + inMs) })
}

/** Before the file is kept, so that none stays for ever. */
export async function planDiscard ({ jobs }: Queueing, { tenantId, importId }: ImportOf, time: Date): Promise<void> {
  await jobs.enqueue(discardJobShape, { tenantId, importId }, { key: `import-discard:${importId}`, runAt: time })
}
