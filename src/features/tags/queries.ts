// All SQL of tags.
import { type Selectable, sql } from 'kysely'
import { type TenantDatabase, type TenantDb } from '../../tenancy/tenant.js'

export type TagRow = Selectable<TenantDatabase['tags']> & { member_count: number, sort_name: string }

export async function insertTag (db: TenantDb, name: string): Promise<string> {
  const { id } = await db.insertInto('tags').values({ name }).returning('id').executeTakeFirstOrThrow()
  return id
}

/** False when there is no such tag. */
export async function renameTag (db: TenantDb, id: string, name: string): Promise<boolean> {
  const { numUpdatedRows } = await db.updateTable('tags').set({ name }).where('id', '=', id).executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function removeTag (db: TenantDb, id: string): Promise<{ name: string } | undefined> {
  return db.deleteFrom('tags').where('id', '=', id).returning('name').executeTakeFirst()
}

export async function findTag (db: TenantDb, id: string): Promise<TagRow | undefined> {
  return selectTags(db).where('t.id', '=', id).executeTakeFirst()
}

/** In the order of names, after `after` (a `sort_name`). */
export async function tagsAfter (db: TenantDb, after: string | undefined, limit: number): Promise<TagRow[]> {
  return selectTags(db)
    .$if(after !== undefined, (query) => query.where(sql<boolean>`lower(t.name) > ${after}`))
    .orderBy(sql`lower(t.name)`).limit(limit).execute()
}

/** Makes those that do not exist yet. In one order, so that two who make the same tags never wait for each other. */
export async function insertMissingTags (trx: TenantDb, names: readonly string[]): Promise<void> {
  await sql`INSERT INTO tags (name) SELECT name FROM unnest(${names}::text[]) AS name ORDER BY lower(name) ON CONFLICT DO NOTHING`.execute(trx)
}

export async function findTagId (trx: TenantDb, name: string): Promise<string> {
  const { id } = await trx.selectFrom('tags').select('id').where(sql<boolean>`lower(name) = lower(${name})`).executeTakeFirstOrThrow()
  return id
}

export async function insertTagOf (trx: TenantDb, memberId: string, tagId: string): Promise<void> {
  await trx.insertInto('member_tags').values({ member_id: memberId, tag_id: tagId }).onConflict((conflict) => conflict.doNothing()).execute()
}

/** Makes the tags of these names the member's, and no others. */
export async function replaceTagsOf (trx: TenantDb, memberId: string, names: readonly string[]): Promise<void> {
  const wanted = sql<string>`(SELECT t.id FROM tags t WHERE lower(t.name) IN (SELECT lower(name) FROM unnest(${names}::text[]) AS name))`
  await sql`DELETE FROM member_tags WHERE member_id = ${memberId} AND tag_id NOT IN ${wanted}`.execute(trx)
  await sql`INSERT INTO member_tags (member_id, tag_id) SELECT ${memberId}::uuid, id FROM tags WHERE id IN ${wanted} ON CONFLICT DO NOTHING`.execute(trx)
}

function selectTags (db: TenantDb) {
  return db.selectFrom('tags as t').select((eb) => [
    't.id', 't.name', 't.created_at', sql<string>`lower(t.name)`.as('sort_name'),
    eb.selectFrom('member_tags as mt').innerJoin('members as m', 'm.id', 'mt.member_id')
      .whereRef('mt.tag_id', '=', 't.id').where('m.deleted_at', 'is', null)
      .select(sql<number>`count(*)::integer`.as('count')).$asScalar().$notNull().as('member_count')
  ])
}
