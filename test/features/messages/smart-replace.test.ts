// Typographic characters in GSM-7: every replacement can be sent in it, and nothing else is touched.
import fc from 'fast-check'
import t from 'tap'
import { countParts, ucs2Characters } from '../../../src/features/messages/count-parts.js'
import { replacementOf, smartReplace } from '../../../src/features/messages/smart-replace.js'
import { typographic } from '../../../src/features/messages/typographic-table.js'

void t.test('quotes, dashes, ellipses, bullets and unusual spaces become plain ones', async (t) => {
  t.equal(smartReplace('“Don’t be late” – it’s at 7\u00a0pm… • bring\u200b food — ½ a loaf™'), '"Don\'t be late" - it\'s at 7 pm... - bring food - 1/2 a loaf(TM)')
  t.equal(smartReplace('cafe\u0301 e\u0300'), 'café è'.normalize('NFC'), 'letters with combining accents become one')
  t.equal(countParts(smartReplace('Cafe\u0301')).encoding, 'gsm7')
})

void t.test('letters, currency and emoji stay as they are', async (t) => {
  for (const text of ['Łucja', '€5', '👨‍👩‍👧', '日本語', 'ñ', '[x]~{y}|^\\']) t.equal(smartReplace(text), text.normalize('NFC'))
})

void t.test('every replacement is in GSM-7, and every character that is replaced is not', async (t) => {
  for (const [character, replacement] of typographic) {
    t.equal(ucs2Characters(replacement).size, 0, replacement)
    t.equal(ucs2Characters(character).size, 1, character)
    t.equal(replacementOf(character), replacement)
  }
  t.equal(replacementOf('a'), undefined)
})

void t.test('replacing twice is replacing once', async () => {
  const unit = fc.oneof(fc.constantFrom(...typographic.keys()), fc.constantFrom('e', '\u0301', 'a', '👋', '\u200d'))
  fc.assert(fc.property(fc.string({ unit }), (text) => smartReplace(smartReplace(text)) === smartReplace(text)), { examples: [['ﬂ\u0301']], numRuns: 1_000 })
})
