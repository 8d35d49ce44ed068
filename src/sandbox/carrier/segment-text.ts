// How many parts a text takes on the air, and in which encoding.

/** GSM 03.38, default alphabet: one septet each. */
const basic = new Set('@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà')
/** Two septets each. The standard has € here too, but Telnyx sends texts with € as UCS-2. */
const extended = new Set('\f^{}\\[~]|')

const limits = { 'GSM-7': { single: 160, each: 153 }, 'UCS-2': { single: 70, each: 67 } } as const

export interface Segments {
  encoding: keyof typeof limits
  parts: number
}

/** Parts are packed greedily: an escape pair or a surrogate pair never splits over two. An empty text (media alone) is one part. */
export function segmentText (text: string): Segments {
  let septets = 0
  let encoding: Segments['encoding'] = 'GSM-7'
  for (const character of text) {
    if (basic.has(character)) septets += 1
    else if (extended.has(character)) septets += 2
    else {
      encoding = 'UCS-2'
      break
    }
  }
  const { single, each } = limits[encoding]
  if ((encoding === 'GSM-7' ? septets : text.length) <= single) return { encoding, parts: 1 }
  let parts = 1
  let used = 0
  for (const character of text) {
    const size = encoding === 'UCS-2' ? character.length : extended.has(character) ? 2 : 1
    if (used + size > each) {
      parts++
      used = 0
    }
    used += size
  }
  return { encoding, parts }
}
