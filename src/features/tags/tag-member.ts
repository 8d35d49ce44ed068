// Tags a member. A tag is made when it is first used; its name is the same whatever the case.
import { type TenantDb } from '../../tenancy/tenant.js'
import { insertMissingTags, replaceTagsOf } from './queries.js'

/** Makes the tags of these names the member's, and no others. */
export async function replaceMemberTags (trx: TenantDb, memberId: string, names: readonly string[]): Promise<void> {
  const clean = names.map(cleanTagName)
  if (clean.length > 0) await insertMissingTags(trx, clean)
  await replaceTagsOf(trx, memberId, clean)
}

export function cleanTagName (name: string): string {
  return name.trim().replace(/\s+/g, ' ')
}
