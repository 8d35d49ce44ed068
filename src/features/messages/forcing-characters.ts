// Which characters force texts into UCS-2, where they stand in what was written, and what could stand for them.
import { type Composed } from './compose-message.js'
import { ucs2Characters } from './count-parts.js'
import { type MessagePreview } from './preview-schema.js'
import { replacementOf, smartReplace } from './smart-replace.js'

const mostListed = 20

export class ForcingCharacters {
  /** Character → where it stands in the text as it was written. */
  readonly #written: Map<string, number>
  readonly #recipients = new Map<string, number>()

  constructor ({ text, smartReplace: replacing }: Pick<Composed, 'text' | 'smartReplace'>) {
    // What stands between the braces of a variable is not sent; its place is kept. A fallback counts where it is used.
    this.#written = ucs2Characters(text.replace(/(?<!\\)\{\{[^{}]*\}\}/g, (variable) => ' '.repeat(variable.length)))
    if (replacing) for (const character of this.#written.keys()) if (ucs2Characters(smartReplace(character)).size === 0) this.#written.delete(character)
  }

  /** A text as one recipient gets it, in UCS-2. */
  add (text: string): void {
    for (const character of ucs2Characters(text).keys()) this.#recipients.set(character, (this.#recipients.get(character) ?? 0) + 1)
  }

  /** The most frequent first. */
  list (): MessagePreview['forcingUcs2'] {
    return [...this.#recipients].sort(([, one], [, other]) => other - one).slice(0, mostListed).map(([character, recipients]) => ({
      character,
      codePoint: `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`,
      position: this.#written.get(character) ?? null,
      replacement: replacementOf(character) ?? null,
      recipients
    }))
  }
}
