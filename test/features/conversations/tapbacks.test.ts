// Reactions that phones send as texts: which are ones, and what they are about.
import t from 'tap'
import { isQuoted, readTapback } from '../../../src/features/conversations/tapbacks.js'

void t.test('the texts that iPhones and Androids send for a reaction are recognised', async (t) => {
  const known: Array<[string, { reaction: string | null, quoted: string | null }]> = [
    ['Liked “See you on Sunday”', { reaction: '👍', quoted: 'See you on Sunday' }],
    ['Loved "See you"', { reaction: '❤️', quoted: 'See you' }],
    ['Laughed at “a “quoted” joke”', { reaction: '😂', quoted: 'a “quoted” joke' }],
    ['Emphasized “two\nlines”', { reaction: '‼️', quoted: 'two\nlines' }],
    ['Disliked an image', { reaction: '👎', quoted: null }],
    ['Reacted 🙏🏽 to “Pray for Ruth”', { reaction: '🙏🏽', quoted: 'Pray for Ruth' }],
    ['\u200a\u200b❤️\u200b to \u201c\u200aSee you\u200a\u201d', { reaction: '❤️', quoted: 'See you' }],
    ['Removed a like from “See you”', { reaction: null, quoted: 'See you' }],
    ['Removed a heart from an image', { reaction: null, quoted: null }],
    ['Removed 🙏 from “See you”', { reaction: null, quoted: 'See you' }]
  ]
  for (const [text, tapback] of known) t.strictSame(readTapback(text), tapback, text)
})

void t.test('what people write about liking is no reaction', async (t) => {
  for (const text of ['Liked it', 'I Liked “See you”', 'Loved the sermon “Grace” today', 'Liked “See you” a lot', '👍', 'to “you”', 'Removed my name from “the list”, thanks', '']) {
    t.equal(readTapback(text), undefined, text)
  }
})

void t.test('a quotation fits its text in spite of other marks and spaces, and when it is cut off', async (t) => {
  t.ok(isQuoted('It’s  at\nten', 'It\'s at ten'))
  t.ok(isQuoted('Service starts at ten this…', 'Service starts at ten this Sunday, bring a friend'))
  t.notOk(isQuoted('Service starts at ten', 'Service starts at ten this Sunday'))
  t.notOk(isQuoted('S…', 'Sunday'), 'so little of it says nothing')
  t.notOk(isQuoted('', ''))
})
