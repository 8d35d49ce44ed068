// How texts are counted in parts.
import t from 'tap'
import { countParts, requireSendable } from '../../../src/features/messages/count-parts.js'

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
