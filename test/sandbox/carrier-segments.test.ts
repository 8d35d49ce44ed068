// How many parts a text takes.
import t from 'tap'
import { segmentText } from '../../src/sandbox/carrier/segment-text.js'

const cases: Array<[string, string, ReturnType<typeof segmentText>]> = [
  ['nothing', '', { encoding: 'GSM-7', parts: 1 }],
  ['160 plain characters', 'a'.repeat(160), { encoding: 'GSM-7', parts: 1 }],
  ['161 plain characters', 'a'.repeat(161), { encoding: 'GSM-7', parts: 2 }],
  ['307 plain characters', 'a'.repeat(307), { encoding: 'GSM-7', parts: 3 }],
  ['80 braces, two septets each', '{'.repeat(80), { encoding: 'GSM-7', parts: 1 }],
  ['81 braces', '{'.repeat(81), { encoding: 'GSM-7', parts: 2 }],
  ['153 braces: no pair splits', '{'.repeat(153), { encoding: 'GSM-7', parts: 3 }],
  ['a euro sign, as Telnyx does it', '€', { encoding: 'UCS-2', parts: 1 }],
  ['35 emoji, two units each', '🙏'.repeat(35), { encoding: 'UCS-2', parts: 1 }],
  ['36 emoji', '🙏'.repeat(36), { encoding: 'UCS-2', parts: 2 }],
  ['67 emoji: no surrogate pair splits', '🙏'.repeat(67), { encoding: 'UCS-2', parts: 3 }]
]

for (const [name, text, expected] of cases) {
  await t.test(`Parts of ${name}`, async (t) => {
    t.same(segmentText(text), expected)
  })
}
