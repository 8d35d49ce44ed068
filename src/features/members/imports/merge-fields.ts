// Brings together what is known of a member and what a row says: an empty cell never erases.
import { type PersonFields } from './read-row.js'

export type WhenExists = 'fill' | 'overwrite' | 'skip'

/** `before` with what `row` has, where `before` is empty or, with `overwrite`, wherever the row is not. */
export function mergeFields (before: PersonFields, row: PersonFields, policy: WhenExists): PersonFields {
  if (policy === 'skip') return before
  const merged = <T>(had: T, has: T): T => isEmpty(has) || isSame(had, has) || (policy === 'fill' && !isEmpty(had)) ? had : has
  const custom = new Map(Object.entries(before.custom))
  for (const [key, value] of Object.entries(row.custom)) custom.set(key, merged(custom.get(key), value))
  return {
    firstName: merged(before.firstName, row.firstName),
    lastName: merged(before.lastName, row.lastName),
    email: merged(before.email, row.email),
    birthday: merged(before.birthday, row.birthday),
    timeZone: merged(before.timeZone, row.timeZone),
    custom: Object.fromEntries(custom)
  }
}

/** A field of the organization's own as a cell has it. */
export function customText (value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function isEmpty (value: unknown): boolean {
  return customText(value).trim() === ''
}

/** A number or a list of the organization's own comes back from a file as text, and is still the same. */
function isSame (had: unknown, has: unknown): boolean {
  return customText(had).trim() === customText(has).trim()
}
