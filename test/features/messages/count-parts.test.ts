// How texts are counted in parts.
import fc from 'fast-check'
import t from 'tap'
import { countParts, requireSendable, ucs2Characters } from '../../../src/features/messages/count-parts.js'
import { segmentText } from '../../../src/sandbox/carrier/segment-text.js'

// The alphabet again, from the tables of 3GPP TS 23.038 by code point; no € and no backtick, which Telnyx sends as UCS-2.
const ranges = [[0x20, 0x23], [0x25, 0x3f], [0x41, 0x5a], [0x61, 0x7a]].flatMap(([from = 0, to = 0]) => Array.from({ length: to - from + 1 }, (_, n) => from + n))
const singles = [
  0x40, 0xa3, 0x24, 0xa5, 0xe8, 0xe9, 0xf9, 0xec, 0xf2, 0xc7, 0x0a, 0xd8, 0xf8, 0x0d, 0xc5, 0xe5, 0x394, 0x5f, 0x3a6, 0x393, 0x39b, 0x3a9, 0x3a0, 0x3a8, 0x3a3, 0x398, 0x39e,
  0xc6, 0xe6, 0xdf, 0xc9, 0xa4, 0xa1, 0xc4, 0xd6, 0xd1, 0xdc, 0xa7, 0xbf, 0xe4, 0xf6, 0xf1, 0xfc, 0xe0
]
const basic = new Set([...ranges, ...singles])
const extended = new Set([0x0c, 0x5e, 0x7b, 0x7d, 0x5c, 0x5b, 0x7e, 0x5d, 0x7c])

/** Written for this test alone: cuts the text into the parts themselves. */
function cut (text: string): { encoding: string, parts: number } {
  const points = Array.from(text).map((character) => character.codePointAt(0) ?? 0)
  const gsm = points.every((point) => basic.has(point) || extended.has(point))
  const tokens = points.map((point): number[] => gsm ? (extended.has(point) ? [0x1b, point] : [point]) : Array.from({ length: point > 0xffff ? 2 : 1 }, (_, n) => String.fromCodePoint(point).charCodeAt(n)))
  const whole = tokens.flat().length
  if (whole <= (gsm ? 160 : 70)) return { encoding: gsm ? 'gsm7' : 'ucs2', parts: 1 }
  const parts: number[][] = [[]]
  for (const token of tokens) {
    if ((parts.at(-1)?.length ?? 0) + token.length > (gsm ? 153 : 67)) parts.push([])
    parts.at(-1)?.push(...token)
  }
  return { encoding: gsm ? 'gsm7' : 'ucs2', parts: parts.length }
}

void t.test('any text takes as many parts as when it is really cut, around every boundary', async (t) => {
  const unit = fc.oneof({ weight: 12, arbitrary: fc.constantFrom('a', 'Z', '@', '\n', 'Å') }, { weight: 3, arbitrary: fc.constantFrom('[', '\\', '~', '\f') }, { weight: 1, arbitrary: fc.constantFrom('a', 'é', '€', '`', '👋', 'ę', '\u200d') })
  const long = fc.constantFrom(66, 67, 69, 70, 71, 133, 134, 152, 153, 154, 159, 160, 161, 305, 306, 307, 458, 459, 460, 669, 670, 671, 1_529, 1_530, 1_531)
  const filled = fc.tuple(long, fc.constantFrom('a', 'ę', '[', '👋', 'Δ'), fc.string({ unit, maxLength: 6 }), fc.nat()).map(([length, character, insertion, at]) => {
    const text = character.repeat(Math.ceil(length / character.length)).slice(0, length)
    const place = character.length === 2 ? at % (text.length + 1) & ~1 : at % (text.length + 1)
    return text.slice(0, place) + insertion + text.slice(place)
  })
  let several = 0
  fc.assert(fc.property(fc.oneof(filled, fc.string({ unit, maxLength: 700 })), (text) => {
    const { encoding, parts } = countParts(text)
    if (parts > 1) several++
    const wanted = cut(text)
    if (encoding !== wanted.encoding || parts !== wanted.parts) throw new Error(`${encoding} ${parts}, and really ${JSON.stringify(wanted)}: ${JSON.stringify(text)}`)
    const carrier = segmentText(text)
    if (carrier.parts !== parts || (carrier.encoding === 'GSM-7') !== (encoding === 'gsm7')) throw new Error(`the sandbox carrier counts ${JSON.stringify(carrier)}`)
    if ((ucs2Characters(text).size > 0) !== (encoding === 'ucs2')) throw new Error('a text is UCS-2 exactly when a character makes it so')
  }), { numRuns: 5_000 })
  t.ok(several > 1_000)
})

void t.test('each character of the basic plane alone is encoded as the tables say', async (t) => {
  const differing = []
  for (let point = 0; point < 0xd800; point++) if (countParts(String.fromCharCode(point)).encoding !== cut(String.fromCharCode(point)).encoding) differing.push(point)
  t.same(differing, [])
  t.same([...ucs2Characters('a’b’👋c€')], [['’', 1], ['👋', 4], ['€', 7]])
})

void t.test('plain text takes 160 characters in one part and 153 in each of several', async (t) => {
  t.same(countParts(''), { encoding: 'gsm7', parts: 1, units: 0 })
  t.same(countParts('a'.repeat(160)), { encoding: 'gsm7', parts: 1, units: 160 })
  t.same(countParts('a'.repeat(161)), { encoding: 'gsm7', parts: 2, units: 161 })
  t.equal(countParts('a'.repeat(306)).parts, 2)
  t.equal(countParts('a'.repeat(307)).parts, 3)
})

void t.test('other characters make it UCS-2: 70 and 67 units', async (t) => {
  t.same(countParts('ę'.repeat(70)), { encoding: 'ucs2', parts: 1, units: 70 })
  t.equal(countParts('ę'.repeat(71)).parts, 2)
  t.equal(countParts('ę'.repeat(134)).parts, 2)
  t.equal(countParts('ę'.repeat(135)).parts, 3)
  for (const character of ['€', '`', '’', '👋']) t.equal(countParts(character).encoding, 'ucs2', character)
})

void t.test('a character of the extension table costs two, and its pair never splits', async (t) => {
  t.same(countParts('[' + 'a'.repeat(158)), { encoding: 'gsm7', parts: 1, units: 160 })
  t.equal(countParts('[' + 'a'.repeat(159)).parts, 2)
  t.equal(countParts('a'.repeat(152) + '[' + 'a'.repeat(152)).parts, 3, 'the pair moves to the second part, which then overflows')
  t.equal(countParts('a'.repeat(151) + '[' + 'a'.repeat(153)).parts, 2)
})

void t.test('a surrogate pair never splits', async (t) => {
  t.equal(countParts('👋'.repeat(35)).parts, 1)
  t.equal(countParts('👋'.repeat(66)).parts, 2, '33 pairs to a part of 67 units')
  t.equal(countParts('👋'.repeat(67)).parts, 3)
})

void t.test('ten parts may leave, eleven may not', async (t) => {
  t.equal(requireSendable('a'.repeat(1_530), []).parts, 10)
  t.throws(() => requireSendable('a'.repeat(1_531), []), { code: 'TEXT_TOO_LONG' })
  t.throws(() => requireSendable('ę'.repeat(671), []), { code: 'TEXT_TOO_LONG' })
  t.equal(requireSendable('a'.repeat(500), ['https://example.org/a.png']).parts, 1, 'with media it is one multimedia message')
})
