// All SQL of templates.
import { sql, type Updateable } from 'kysely'
import { type TenantDatabase, type TenantDb } from '../../tenancy/tenant.js'
import { type NewTemplate } from './schemas.js'

export type TemplateRow = NonNullable<Awaited<ReturnType<typeof findTemplate>>>

export async function insertTemplate (trx: TenantDb, { name, category, text, smartReplace = false }: NewTemplate): Promise<string> {
  const { id } = await trx.insertInto('message_templates').values({ name, category, text, smart_replace: smartReplace }).returning('id').executeTakeFirstOrThrow()
  return id
}

/** `templates`: JSON, a list of {name, category, text}. */
export async function insertDefaults (db: TenantDb, templates: string): Promise<void> {
  await sql`INSERT INTO message_templates (name, category, text, is_default)
    SELECT name, category, text, true FROM jsonb_to_recordset(${templates}::jsonb) AS t (name text, category text, text text)`.execute(db)
}

/** False when there is no such template. */
export async function updateTemplate (trx: TenantDb, id: string, columns: Updateable<TenantDatabase['message_templates']>): Promise<boolean> {
  const { numUpdatedRows } = await trx.updateTable('message_templates').set({ ...columns, is_default: false, updated_at: sql`now()` }).where('id', '=', id).executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function countUse (trx: TenantDb, id: string): Promise<void> {
  await trx.updateTable('message_templates').set({ use_count: sql`use_count + 1` }).where('id', '=', id).execute()
}

/** False when there is no such template. */
export async function removeTemplate (trx: TenantDb, id: string): Promise<boolean> {
  const { numDeletedRows } = await trx.deleteFrom('message_templates').where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}

export async function findTemplate (db: TenantDb, id: string) {
  return await selectTemplates(db).where('id', '=', id).executeTakeFirst()
}

/** In the order of names, after `after` (a `sort_name`). */
export async function templatesAfter (db: TenantDb, { category, after, limit }: { category?: string | undefined, after?: string | undefined, limit: number }): Promise<TemplateRow[]> {
  return await selectTemplates(db)
    .$if(category !== undefined, (query) => query.where(sql<boolean>`lower(category) = lower(${category})`))
    .$if(after !== undefined, (query) => query.where(sql<boolean>`lower(name) > ${after}`))
    .orderBy(sql`lower(name)`).limit(limit).execute()
}

function selectTemplates (db: TenantDb) {
  return db.selectFrom('message_templates').select([
    'id', 'name', 'category', 'text', 'smart_replace', 'is_default', 'use_count', 'created_at', 'updated_at', sql<string>`lower(name)`.as('sort_name')
  ])
}
