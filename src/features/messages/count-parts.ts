// How many parts a text takes on the air, and in which encoding: what the carrier bills and limits.
import { problem } from '../../errors.js'
import { basicCharacters, extendedCharacters } from './gsm7-table.js'

export type Encoding = 'gsm7' | 'ucs2'

export interface TextParts {
  encoding: Encoding
  parts: number
  /** Septets in GSM-7, UTF-16 units in UCS-2, without what packing wastes. */
  units: number
}

export const mostParts = 10

/** Units in a text of one part, and in each of several, which carry a header. */
const room = { gsm7: { single: 160, each: 153 }, ucs2: { single: 70, each: 67 } } as const

const septets = new Map([
  ...Array.from(basicCharacters, (character): [string, number] => [character, 1]),
  ...Array.from(extendedCharacters, (character): [string, number] => [character, 2])
])

/** A text in the basic alphabet alone, by far the most frequent: as many septets as characters. */
const plain = new RegExp(`^[${basicCharacters.replace(/[\\\]^-]/g, '\\$&')}]*$`)

/** Parts are filled greedily; an escape pair or a surrogate pair never splits over two. An empty text, media alone, is one part. */
export function countParts (text: string): TextParts {
  if (plain.test(text)) return { encoding: 'gsm7', parts: text.length <= room.gsm7.single ? 1 : Math.ceil(text.length / room.gsm7.each), units: text.length }
  const characters = Array.from(text)
  const encoding = characters.every((character) => septets.has(character)) ? 'gsm7' : 'ucs2'
  const sizes = characters.map((character) => encoding === 'gsm7' ? septets.get(character) ?? 0 : character.length)
  const units = sizes.reduce((sum, size) => sum + size, 0)
  const { single, each } = room[encoding]
  if (units <= single) return { encoding, parts: 1, units }
  let parts = 1
  let used = 0
  for (const size of sizes) {
    if (used + size > each) {
      parts++
      used = 0
    }
    used += size
  }
  return { encoding, parts, units }
}

/** The characters, each once, for whose sake the whole text is sent as UCS-2, with the place of the first of each in UTF-16 units. */
export function ucs2Characters (text: string): Map<string, number> {
  const found = new Map<string, number>()
  let position = 0
  for (const character of text) {
    if (!septets.has(character) && !found.has(character)) found.set(character, position)
    position += character.length
  }
  return found
}

/** As `countParts`; media make it one multimedia message, whatever the text. @throws problem('TEXT_TOO_LONG') beyond ten parts. */
export function requireSendable (text: string, mediaUrls: readonly string[]): TextParts {
  const counted = countParts(text)
  if (counted.parts > mostParts) {
    throw problem('TEXT_TOO_LONG', { detail: `The text takes ${counted.parts} parts and may take ${mostParts}. Shorten it${counted.encoding === 'ucs2' ? ', or take out emoji and unusual characters, which more than halve the room in each part' : ''}.` })
  }
  return mediaUrls.length > 0 ? { ...counted, parts: 1 } : counted
}
