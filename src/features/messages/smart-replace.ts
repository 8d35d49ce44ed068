// Typographic characters written in GSM-7, so that one curly quote does not more than halve the room in each part.
import { typographic } from './typographic-table.js'

const replaceable = new RegExp(`[${[...typographic.keys()].join('')}]`, 'gu')

/**
 * Letters made of a base and a combining accent become one, which GSM-7 may have; then what the table knows is replaced. A
 * replacement may be the base of an accent that follows: ﬂ with an acute is written fĺ.
 */
export function smartReplace (text: string): string {
  return text.normalize('NFC').replace(replaceable, (character) => typographic.get(character) ?? character).normalize('NFC')
}

/** What would stand for this character; undefined when nothing says the same. */
export function replacementOf (character: string): string | undefined {
  return typographic.get(character)
}
