// Keyset pages of every list: a sealed cursor holds the last row's place, so rows that come and go never shift a page.
import { type TSchema, Type } from 'typebox'
import { type FieldCrypto } from '../crypto/fields.js'
import { problem } from '../errors.js'

export const pageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'How many items at most.' }),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 2_000, description: 'nextCursor of the page before.' }))
}

/** `{items, nextCursor}`; nextCursor is null on the last page. */
export function pageOf<Item extends TSchema> (item: Item) {
  return Type.Object({
    items: Type.Array(item),
    nextCursor: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Pass it as cursor to get the next page; null on the last.' })
  })
}

export interface Page<Item> { items: Item[], nextCursor: string | null }

/** Sealed under the tenant's key: it can't be read, altered, or used by another tenant or for another list. `place`: the sort key of the last row. */
export function encodeCursor (fields: FieldCrypto, list: string, place: readonly string[]): string {
  return fields.encrypt(JSON.stringify([list, ...place])).toString('base64url')
}

/**
 * The place in a cursor of this list, of `length` parts; undefined when there is no cursor.
 * @throws problem('CURSOR_INVALID') for whatever this list did not give
 */
export function decodeCursor (fields: FieldCrypto, list: string, cursor: string | undefined, length: number): string[] | undefined {
  if (cursor === undefined) return undefined
  const parts = openCursor(fields, cursor)
  if (!isTexts(parts) || parts[0] !== list || parts.length !== length + 1) throw problem('CURSOR_INVALID')
  return parts.slice(1)
}

/** Turns the rows of a query with `LIMIT limit + 1` into a page: the row too many only says that there is more. */
export function toPage<Row, Item> (rows: readonly Row[], limit: number, toItem: (row: Row) => Item, toCursor: (last: Row) => string): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(toItem), nextCursor: rows.length > limit && last !== undefined ? toCursor(last) : null }
}

function openCursor (fields: FieldCrypto, cursor: string): unknown {
  try {
    return JSON.parse(fields.decrypt(Buffer.from(cursor, 'base64url')))
  } catch (error) {
    throw problem('CURSOR_INVALID', { cause: error })
  }
}

function isTexts (value: unknown): value is string[] {
  return Array.isArray(value) && value.every((part) => typeof part === 'string')
}
