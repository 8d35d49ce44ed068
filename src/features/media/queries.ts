// All SQL of media.
import { sql } from 'kysely'
import { type RegistryDb } from '../../registry/db.js'
import { type TenantDb, type TenantId } from '../../tenancy/tenant.js'
import { type NewFile } from './keep-file.js'

const columns = [
  'id', 'origin', 'content_sha256 as contentSha256', 'content_type as contentType', 'size', 'original_size as originalSize', 'width', 'height', 'name', 'created_at as createdAt'
] as const

export async function findMedia (db: TenantDb, id: string) {
  return await db.selectFrom('media_files').select(columns).where('id', '=', id).executeTakeFirst()
}

export type MediaRow = NonNullable<Awaited<ReturnType<typeof findMedia>>>

/** By the hash of the bytes as they came. */
export async function findBySource (db: TenantDb, sha256: Buffer, origin: MediaRow['origin']): Promise<MediaRow | undefined> {
  return await db.selectFrom('media_files').select(columns).where('sha256', '=', sha256).where('origin', '=', origin).executeTakeFirst()
}

/** The latest first; `before` is the id of the last one seen. */
export async function mediaBefore (db: TenantDb, { origin, before, limit }: { origin: MediaRow['origin'] | undefined, before: string | undefined, limit: number }): Promise<MediaRow[]> {
  return await db.selectFrom('media_files').select(columns)
    .$if(origin !== undefined, (query) => query.where('origin', '=', origin ?? 'upload'))
    .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
    .orderBy('id', 'desc').limit(limit).execute()
}

/** A row whose bytes were lost gets the new ones. */
export async function insertMedia (trx: TenantDb, { origin, sha256, size, name, content, by }: NewFile): Promise<MediaRow & { isNew: boolean }> {
  const kept = { content_sha256: content.sha256, content_type: content.contentType, size: content.size, width: content.width, height: content.height }
  return await trx.insertInto('media_files')
    .values({ ...kept, origin, sha256, original_size: size, name, created_by: by?.adminId ?? null })
    .onConflict((conflict) => conflict.columns(['sha256', 'origin']).doUpdateSet(kept))
    // Zero where nothing stood before: PostgreSQL's way to tell an insert from an update.
    .returning([...columns, sql<boolean>`xmax = 0`.as('isNew')]).executeTakeFirstOrThrow()
}

/** Until the transaction ends nobody else takes files of these bytes away or adds one. */
export async function lockContent (trx: TenantDb, contentSha256: Buffer): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${contentSha256.readBigInt64BE()})`.execute(trx)
}

/** Which of these bytes some file names. */
export async function contentsKept (db: TenantDb, contents: readonly Buffer[]): Promise<Buffer[]> {
  const rows = await db.selectFrom('media_files').select('content_sha256').distinct().where('content_sha256', '=', sql<Buffer>`ANY (${contents}::bytea[])`).execute()
  return rows.map((row) => row.content_sha256)
}

/** In the registry; undefined when it knows no such tenant. */
export async function statusOf (registry: RegistryDb, tenantId: TenantId) {
  return (await registry.selectFrom('tenants').select('status').where('id', '=', tenantId).executeTakeFirst())?.status
}

/** Waits for transactions that have just put it into a message, whose commit is seen by what is asked next. */
export async function lockMedia (trx: TenantDb, id: string): Promise<MediaRow | undefined> {
  return await trx.selectFrom('media_files').select(columns).where('id', '=', id).forUpdate().executeTakeFirst()
}

/** Keeps these from being deleted until the transaction ends. In the order of ids, so that two senders never wait for each other. */
export async function holdMedia (trx: TenantDb, ids: readonly string[]): Promise<MediaRow[]> {
  return await trx.selectFrom('media_files').select(columns).where('id', '=', sql<string>`ANY (${ids}::uuid[])`).orderBy('id').forKeyShare().execute()
}

/** Returns whether any other file has the same bytes. */
export async function removeMedia (trx: TenantDb, id: string, contentSha256: Buffer): Promise<boolean> {
  await trx.deleteFrom('media_files').where('id', '=', id).execute()
  return await trx.selectFrom('media_files').select('id').where('content_sha256', '=', contentSha256).limit(1).executeTakeFirst() !== undefined
}
