// Finds the keyword of the organization's own that a text is: the word alone, whatever its case and the punctuation around it.
import { type TenantDb } from '../../tenancy/tenant.js'
import { spokenForm } from '../conversations/keywords.js'
import { longestWord } from './change-keywords.js'
import { findByWord, type KeywordAction } from './queries.js'

export interface OwnKeyword { word: string, action: KeywordAction, replyText: string | null, tagId: string | null }

export async function findSaidKeyword (db: TenantDb, text: string): Promise<OwnKeyword | undefined> {
  // Signs around the word may be many, but a letter is: most texts are never looked up.
  const spoken = text.length > 4 * longestWord ? '' : spokenForm(text)
  return spoken.length === 0 || spoken.length > longestWord ? undefined : await findByWord(db, spoken)
}
