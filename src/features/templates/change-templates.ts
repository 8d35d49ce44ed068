// Saves, changes and removes templates.
import { problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { violatedConstraint } from '../../tenancy/violated-constraint.js'
import { countUse, insertTemplate, removeTemplate, updateTemplate } from './queries.js'
import { type NewTemplate, type TemplateChanges } from './schemas.js'
import { parseText } from './variables.js'

/** @returns its id @throws problem('TEMPLATE_NAME_TAKEN'), 'VALIDATION_FAILED' for a variable that does not exist */
export async function createTemplate (db: TenantDb, template: NewTemplate, by: RequestedBy): Promise<string> {
  parseText(template.text)
  return await refusingTakenNames(db.transaction().execute(async (trx) => {
    const id = await insertTemplate(trx, { ...template, name: template.name.trim(), category: template.category.trim() })
    await recordAudit(trx, by, { action: 'template.created', subjectKind: 'template', subjectId: id })
    return id
  }))
}

/** What was made from it before stays as it is. @throws problem('TEMPLATE_NOT_FOUND'), and as `createTemplate` */
export async function changeTemplate (db: TenantDb, id: string, changes: TemplateChanges, by: RequestedBy): Promise<void> {
  const { name, category, text, smartReplace } = changes
  if (text !== undefined) parseText(text)
  await refusingTakenNames(db.transaction().execute(async (trx) => {
    const columns = {
      ...(name === undefined ? {} : { name: name.trim() }),
      ...(category === undefined ? {} : { category: category.trim() }),
      ...(text === undefined ? {} : { text }),
      ...(smartReplace === undefined ? {} : { smart_replace: smartReplace })
    }
    if (!await updateTemplate(trx, id, columns)) throw problem('TEMPLATE_NOT_FOUND')
    await recordAudit(trx, by, { action: 'template.changed', subjectKind: 'template', subjectId: id, after: { fields: Object.keys(changes) } })
  }))
}

/** Messages made from it stay. @throws problem('TEMPLATE_NOT_FOUND') */
export async function deleteTemplate (db: TenantDb, id: string, by: RequestedBy): Promise<void> {
  await db.transaction().execute(async (trx) => {
    if (!await removeTemplate(trx, id)) throw problem('TEMPLATE_NOT_FOUND')
    await recordAudit(trx, by, { action: 'template.deleted', subjectKind: 'template', subjectId: id })
  })
}

/** One more message was made from it. */
export async function countTemplateUse (trx: TenantDb, id: string): Promise<void> {
  await countUse(trx, id)
}

async function refusingTakenNames<T> (work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (violatedConstraint(error) === 'message_templates_name') throw problem('TEMPLATE_NAME_TAKEN', { cause: error })
    throw error
  }
}
