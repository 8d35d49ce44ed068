// Fields of the organization's own: how they are named and how much they may hold, so that each of them can go out as CSV and come back.

/** One to a hundred characters, none at either end that is blank, no line end. */
export const customKeyPattern = '\\S(.{0,98}\\S)?'

/** In bytes of JSON, of all fields of one member together. */
export const mostCustom = 32_000

export function fitsCustom (custom: Record<string, unknown>): boolean {
  return Buffer.byteLength(JSON.stringify(custom)) <= mostCustom
}
