// The texts that phones send for a reaction to whoever has no iMessage or RCS: Liked “See you on Sunday”.

/** `quoted`: the text it is about, as the phone quotes it; null when it is about a picture or a file. `reaction` null: taken back. */
export interface Tapback { reaction: string | null, quoted: string | null }

// Apple's words in English, and the sentences around them; Google Messages writes the emoji first.
const verbs = new Map([['loved', '❤️'], ['liked', '👍'], ['disliked', '👎'], ['laughed at', '😂'], ['emphasized', '‼️'], ['emphasised', '‼️'], ['questioned', '❓']])
const quote = '[“"](?<quoted>[^]*)[”"]'
const file = '(?:an? (?:image|picture|photo|movie|video|attachment|audio message|location|contact|sticker))'
const emoji = '(?<emoji>(?:\\p{Extended_Pictographic}|\\p{Regional_Indicator}{2})(?:\\p{Extended_Pictographic}|\\p{Emoji_Modifier}|\\u200d|\\ufe0f)*)'

const added = new RegExp(`^(?<verb>${[...verbs.keys()].join('|')}) (?:${quote}|${file})$`, 'iu')
const removed = new RegExp(`^Removed (?:an? (?:heart|like|dislike|laugh|exclamation|question mark)|[^\\p{L}\\s]{1,16}) from (?:${quote}|${file})$`, 'iu')
const reacted = new RegExp(`^Reacted ${emoji} to (?:${quote}|${file})$`, 'iu')
const android = new RegExp(`^${emoji} to ${quote}$`, 'iu')

/** Undefined for a text that is none. */
export function readTapback (text: string): Tapback | undefined {
  // Google Messages puts spaces that can't be seen around the emoji and inside the quotation marks.
  const said = text.replace(/[\u200a\u200b\u2060]/g, '').trim()
  const gone = removed.exec(said)
  if (gone !== null) return { reaction: null, quoted: gone.groups?.['quoted'] ?? null }
  const found = added.exec(said) ?? reacted.exec(said) ?? android.exec(said)
  if (found === null) return undefined
  const { verb, emoji: sign, quoted } = found.groups ?? {}
  return { reaction: sign ?? verbs.get(verb?.toLowerCase() ?? '') ?? null, quoted: quoted ?? null }
}

/** Whether this is the text that was quoted: phones cut long ones off, and change marks and spaces. */
export function isQuoted (quoted: string, text: string): boolean {
  const wanted = plain(quoted)
  const start = wanted.replace(/\.\.\.$/, '').trim()
  return wanted !== '' && (plain(text) === wanted || (start !== wanted && start.length >= 10 && plain(text).startsWith(start)))
}

function plain (text: string): string {
  return text.normalize('NFKC').replace(/[\u200a\u200b\u2060]/g, '').replace(/[“”]/g, '"').replace(/[‘’]/g, '\'').replace(/…/g, '...').replace(/\s+/g, ' ').trim()
}
