// Adds, renames and removes tags.
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { violatedConstraint } from '../../tenancy/violated-constraint.js'
import { findTag, insertTag, removeTag, renameTag, type TagRow } from './queries.js'
import { cleanTagName } from './tag-member.js'

/** @throws problem('TAG_NAME_TAKEN') */
export async function createTag (db: TenantDb, name: string, by: RequestedBy): Promise<TagRow> {
  return refusingTakenNames(db.transaction().execute(async (trx) => {
    const id = await insertTag(trx, cleanTagName(name))
    await recordAudit(trx, by, { action: 'tag.created', subjectKind: 'tag', subjectId: id, after: { name } })
    return getTag(trx, id)
  }))
}

/** @throws problem('TAG_NOT_FOUND') @throws problem('TAG_NAME_TAKEN') */
export async function changeTag (db: TenantDb, id: string, name: string, by: RequestedBy): Promise<TagRow> {
  return refusingTakenNames(db.transaction().execute(async (trx) => {
    if (!await renameTag(trx, id, cleanTagName(name))) throw problem('TAG_NOT_FOUND')
    await recordAudit(trx, by, { action: 'tag.renamed', subjectKind: 'tag', subjectId: id, after: { name } })
    return getTag(trx, id)
  }))
}

/** Its members stay and only lose the tag. @throws problem('TAG_NOT_FOUND') @throws problem('TAG_IN_USE') when a keyword adds it */
export async function deleteTag (db: TenantDb, id: string, by: RequestedBy): Promise<void> {
  try {
    await db.transaction().execute(async (trx) => {
      const removed = await removeTag(trx, id)
      if (removed === undefined) throw problem('TAG_NOT_FOUND')
      await recordAudit(trx, by, { action: 'tag.deleted', subjectKind: 'tag', subjectId: id, before: removed })
    })
  } catch (error) {
    if (violatedConstraint(error) === 'keywords_tag_id_fkey') throw problem('TAG_IN_USE', { cause: error })
    throw error
  }
}

async function getTag (db: TenantDb, id: string): Promise<TagRow> {
  const row = await findTag(db, id)
  if (row === undefined) throw problem('TAG_NOT_FOUND')
  return row
}

async function refusingTakenNames<T> (work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (violatedConstraint(error) === 'tags_name') throw problem('TAG_NAME_TAKEN', { cause: error })
    throw error
  }
}
