// Adds, changes and removes the organization's own keywords.
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { violatedConstraint } from '../../tenancy/violated-constraint.js'
import { asksToStop, readKeyword, spokenForm } from '../conversations/keywords.js'
import { wordingFault } from '../settings/own-texts.js'
import { ensureTag } from '../tags/tag-member.js'
import { findKeyword, insertKeyword, type KeywordColumns, type KeywordRow, lockKeyword, removeKeyword, updateKeyword } from './queries.js'
import { type KeywordChanges, type NewKeyword } from './schemas.js'

export const longestWord = 50

/** @throws problem('VALIDATION_FAILED') @throws problem('KEYWORD_RESERVED') @throws problem('KEYWORD_TAKEN') */
export async function createKeyword (db: TenantDb, input: NewKeyword, by: RequestedBy): Promise<KeywordRow> {
  return await refusingTakenWords(db.transaction().execute(async (trx) => {
    const id = await insertKeyword(trx, await settle(trx, input))
    await recordAudit(trx, by, { action: 'keyword.created', subjectKind: 'keyword', subjectId: id, after: { action: input.action } })
    return await getKeyword(trx, id)
  }))
}

/** @throws problem('KEYWORD_NOT_FOUND') and as `createKeyword` */
export async function changeKeyword (db: TenantDb, id: string, changes: KeywordChanges, by: RequestedBy): Promise<KeywordRow> {
  return await refusingTakenWords(db.transaction().execute(async (trx) => {
    await lockKeyword(trx, id)
    const { word, action, replyText, tag } = await getKeyword(trx, id)
    const next = { word, action, replyText, tag, ...changes }
    await updateKeyword(trx, id, await settle(trx, changes.tag === undefined && next.action !== 'add_tag' ? { ...next, tag: null } : next))
    await recordAudit(trx, by, { action: 'keyword.changed', subjectKind: 'keyword', subjectId: id, after: { fields: Object.keys(changes) } })
    return await getKeyword(trx, id)
  }))
}

/** @throws problem('KEYWORD_NOT_FOUND') */
export async function deleteKeyword (db: TenantDb, id: string, by: RequestedBy): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const removed = await removeKeyword(trx, id)
    if (removed === undefined) throw problem('KEYWORD_NOT_FOUND')
    await recordAudit(trx, by, { action: 'keyword.deleted', subjectKind: 'keyword', subjectId: id, before: removed })
  })
}

async function getKeyword (db: TenantDb, id: string): Promise<KeywordRow> {
  const row = await findKeyword(db, id)
  if (row === undefined) throw problem('KEYWORD_NOT_FOUND')
  return row
}

async function settle (trx: TenantDb, { word, action, replyText = null, tag = null }: NewKeyword): Promise<KeywordColumns> {
  const spoken = spokenForm(word)
  if (spoken.length === 0 || spoken.length > longestWord) throw refused('word', `must have 1 to ${longestWord} letters and digits`)
  if (readKeyword(spoken) !== undefined || asksToStop(word)) throw problem('KEYWORD_RESERVED')
  if (action === 'reply' && replyText === null) throw refused('replyText', 'is what a keyword that replies needs')
  const fault = replyText === null ? undefined : wordingFault(replyText, action === 'opt_in' ? 'optIn' : 'answer')
  if (fault !== undefined) throw refused('replyText', fault)
  if ((action === 'add_tag') !== (tag !== null)) throw refused('tag', 'must be given for add_tag, and only for it')
  return { word: spoken, action, reply_text: replyText, tag_id: tag === null ? null : await ensureTag(trx, tag) }
}

function refused (field: string, message: string): Error {
  return problem('VALIDATION_FAILED', { errors: [{ path: `/body/${field}`, message }] })
}

async function refusingTakenWords<T> (work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (violatedConstraint(error) === 'keywords_word') throw problem('KEYWORD_TAKEN', { cause: error })
    throw error
  }
}
