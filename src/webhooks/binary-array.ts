// PostgreSQL's binary form of one-dimensional arrays: raw bytes go as they are, where the text form spells each of them in two digits.

/** Object ids of the element types, fixed by PostgreSQL. */
export const elementTypes = { text: 25, bytea: 17 } as const

/** Dimensions, whether there are nulls, the type, the length, the lower bound. Layout: array_send in PostgreSQL's src/backend/utils/adt/arrayfuncs.c. */
const headerBytes = 20

/** For a parameter that the statement casts to the array type. Strings go as UTF-8. */
export function binaryArray (type: keyof typeof elementTypes, elements: ReadonlyArray<Buffer | string | null>): Buffer {
  const bytes = elements.map((element) => typeof element === 'string' ? Buffer.from(element) : element)
  const array = Buffer.allocUnsafe(bytes.reduce((sum, element) => sum + 4 + (element?.length ?? 0), headerBytes))
  array.writeInt32BE(1, 0)
  array.writeInt32BE(bytes.includes(null) ? 1 : 0, 4)
  array.writeInt32BE(elementTypes[type], 8)
  array.writeInt32BE(bytes.length, 12)
  array.writeInt32BE(1, 16)
  let at = headerBytes
  for (const element of bytes) {
    at = array.writeInt32BE(element?.length ?? -1, at)
    if (element !== null) at += element.copy(array, at)
  }
  return array
}
