// All SQL of keywords.
import { sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'

export type KeywordAction = 'reply' | 'opt_in' | 'add_tag'

export interface KeywordColumns { word: string, action: KeywordAction, reply_text: string | null, tag_id: string | null }

export type KeywordRow = NonNullable<Awaited<ReturnType<typeof findKeyword>>>

export async function insertKeyword (trx: TenantDb, columns: KeywordColumns): Promise<string> {
  const { id } = await trx.insertInto('keywords').values(columns).returning('id').executeTakeFirstOrThrow()
  return id
}

export async function updateKeyword (trx: TenantDb, id: string, columns: KeywordColumns): Promise<void> {
  await trx.updateTable('keywords').set({ ...columns, updated_at: sql`now()` }).where('id', '=', id).execute()
}

export async function lockKeyword (trx: TenantDb, id: string): Promise<void> {
  await trx.selectFrom('keywords').select('id').where('id', '=', id).forUpdate().execute()
}

export async function removeKeyword (trx: TenantDb, id: string): Promise<{ word: string } | undefined> {
  return await trx.deleteFrom('keywords').where('id', '=', id).returning('word').executeTakeFirst()
}

export async function findKeyword (db: TenantDb, id: string) {
  return await selectKeywords(db).where('k.id', '=', id).executeTakeFirst()
}

export async function findByWord (db: TenantDb, word: string): Promise<KeywordRow | undefined> {
  return await selectKeywords(db).where('k.word', '=', word).executeTakeFirst()
}

/** In the order of words, after `after`. */
export async function keywordsAfter (db: TenantDb, after: string | undefined, limit: number): Promise<KeywordRow[]> {
  return await selectKeywords(db).$if(after !== undefined, (query) => query.where('k.word', '>', after ?? '')).orderBy('k.word').limit(limit).execute()
}

function selectKeywords (db: TenantDb) {
  return db.selectFrom('keywords as k').leftJoin('tags as t', 't.id', 'k.tag_id')
    .select(['k.id', 'k.word', 'k.action', 'k.reply_text as replyText', 'k.tag_id as tagId', 't.name as tag', 'k.created_at as createdAt', 'k.updated_at as updatedAt'])
}
