// Which texts are keywords, in how many spellings, and which only sound like a wish to stop.
import fc from 'fast-check'
import t from 'tap'
import { asksToStop, readKeyword } from '../../../src/features/conversations/keywords.js'

const keywords = {
  stop: ['STOP', 'STOPALL', 'STOP ALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPT OUT', 'OPTOUT'],
  start: ['START', 'UNSTOP'],
  help: ['HELP', 'INFO'],
  yes: ['YES']
}

await t.test('every word is read in any case, between any space, punctuation and emoji', (t) => {
  const around = fc.array(fc.constantFrom(' ', '\n', '\t', '.', '!', '?', '"', '“', '”', '\'', '*', '-', '…', '🙏', '👍🏽', '\u200b', '\u00a0', '\0'), { maxLength: 4 }).map((signs) => signs.join(''))
  const gap = fc.constantFrom(' ', '-', '  ', '\n', ' - ')
  for (const [keyword, words] of Object.entries(keywords)) {
    for (const word of words) {
      fc.assert(fc.property(around, around, gap, fc.infiniteStream(fc.boolean()), (before, after, between, raised) => {
        const spelled = Array.from(word, (letter) => raised.next().value === true ? letter.toUpperCase() : letter.toLowerCase()).join('').replace(' ', between)
        return readKeyword(before + spelled + after) === keyword
      }), { numRuns: 60 })
      t.pass(word)
    }
  }
  t.equal(readKeyword('ＳＴＯＰ'), 'stop', 'full-width letters')
  t.end()
})

await t.test('a text that is more than the word is no keyword', (t) => {
  for (const text of ['', '   ', '!', 'stop by on Sunday', 'Can you help?', 'The end is near', 'S T O P', 'stops', 'nonstop', 'yes please', 'START now', 'Stop.Help', 'c all', 'stop all now', `STOP${' '.repeat(300)}x`]) {
    t.equal(readKeyword(text), undefined, text.slice(0, 30))
  }
  t.end()
})

await t.test('any text at all is read without a throw and without taking long', (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (text) => {
    readKeyword(text)
    asksToStop(text)
  }))
  const began = process.cpuUsage().user
  asksToStop('please stop '.repeat(100_000))
  asksToStop(`don't${' '.repeat(100_000)}text`)
  t.ok(process.cpuUsage().user - began < 500_000)
  t.end()
})

await t.test('a wish in plain words calls a person', (t) => {
  for (const text of ['Please stop texting me', 'please stop', 'STOP IT', 'Stop sending me these messages!', 'don’t text me anymore', 'Do not contact me again', 'take me off your list',
    'Take me off this list please', 'remove me', 'Please remove my number from your list', 'unsubscribe me please', 'I want to opt out', 'leave me alone', 'no more texts please', 'Wrong number',
    'quit messaging me', 'never text this number again', 'stop now!!', 'I would like to unsubscribe']) t.ok(asksToStop(text), text)
  for (const text of ['See you Sunday', 'Can I stop by at ten?', 'We will never forget this day', 'Is the bus stop near?', 'Please send me the details', 'Thank you!', 'When does the service end?', 'Could you text me the address?']) {
    t.notOk(asksToStop(text), text)
  }
  t.end()
})
