// What the API shows of templates.
import { type FieldCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { decodeCursor, encodeCursor, type Page, toPage } from '../../http/pagination.js'
import { toTimestamp } from '../../http/wire.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { findTemplate, type TemplateRow, templatesAfter } from './queries.js'
import { type Template } from './schemas.js'
import { nameOf, parseText } from './variables.js'

/** @throws problem('TEMPLATE_NOT_FOUND') */
export async function readTemplate (db: TenantDb, id: string): Promise<Template> {
  const row = await findTemplate(db, id)
  if (row === undefined) throw problem('TEMPLATE_NOT_FOUND')
  return toTemplate(row)
}

/** @throws problem('CURSOR_INVALID') */
export async function listTemplates (db: TenantDb, fields: FieldCrypto, { category, limit, cursor }: { category?: string, limit: number, cursor?: string }): Promise<Page<Template>> {
  const rows = await templatesAfter(db, { category, after: decodeCursor(fields, 'templates', cursor, 1)?.[0], limit: limit + 1 })
  return toPage(rows, limit, toTemplate, (last) => encodeCursor(fields, 'templates', [last.sort_name]))
}

function toTemplate (row: TemplateRow): Template {
  return {
    id: row.id,
    name: row.name,
    category: row.category,
    text: row.text,
    variables: [...new Set(parseText(row.text).variables.map(nameOf))],
    smartReplace: row.smart_replace,
    isDefault: row.is_default,
    useCount: row.use_count,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(row.updated_at)
  }
}
