// Tags a member. A tag is made when it is first used; its name is the same whatever the case.
import { type TenantDb } from '../../tenancy/tenant.js'
import { findTagId, insertMissingTags, insertTagOf, replaceTagsOf } from './queries.js'

/** Makes the tags of these names the member's, and no others. */
export async function replaceMemberTags (trx: TenantDb, memberId: string, names: readonly string[]): Promise<void> {
  const clean = names.map(cleanTagName)
  if (clean.length > 0) await insertMissingTags(trx, clean)
  await replaceTagsOf(trx, memberId, clean)
}

/** The id of the tag of this name, which is made when there is none. */
export async function ensureTag (trx: TenantDb, name: string): Promise<string> {
  await insertMissingTags(trx, [cleanTagName(name)])
  return await findTagId(trx, cleanTagName(name))
}

/** Whether they have it already or not. */
export async function tagMember (trx: TenantDb, memberId: string, tagId: string): Promise<void> {
  await insertTagOf(trx, memberId, tagId)
}

export function cleanTagName (name: string): string {
  return name.trim().replace(/\s+/g, ' ')
}
