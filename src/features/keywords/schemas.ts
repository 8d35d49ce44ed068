// The wire of keywords.
import { type Static, Type } from 'typebox'
import { nullable, Timestamp, Uuid } from '../../http/wire.js'

const Word = Type.String({ minLength: 1, maxLength: 100, description: 'Letters and digits, in any case; punctuation does not count. At most 50 characters. Not one of the words that opt out or in or ask for help.', examples: ['Serve'] })
const Action = Type.Enum(['reply', 'opt_in', 'add_tag'], {
  description: 'reply: answers. opt_in: puts their consent to texts on record, and answers. add_tag: tags the member, and answers if there is a replyText.', examples: ['add_tag']
})
const ReplyText = Type.String({
  minLength: 1,
  maxLength: 480,
  pattern: '^[^\\u0000]*\\S[^\\u0000]*$',
  description: 'The name of the organization is put in front. Of opt_in it must contain "Msg & data rates may apply", HELP and STOP; null there: our own text.',
  examples: ['Thank you! We will call you this week.']
})
const TagName = Type.String({ minLength: 1, maxLength: 50, pattern: '\\S', description: 'For add_tag alone. A tag that does not exist yet is made.', examples: ['volunteers'] })

export const Keyword = Type.Object({
  id: Uuid,
  word: Type.String({ description: 'As texts are compared with it: upper case, letters and digits alone, single spaces.', examples: ['SERVE'] }),
  action: Type.String({ enum: ['reply', 'opt_in', 'add_tag'], examples: ['add_tag'] }),
  replyText: nullable(ReplyText),
  tag: nullable(TagName),
  createdAt: Timestamp,
  updatedAt: Timestamp
})
export type Keyword = Static<typeof Keyword>

const example = { word: 'Serve', action: 'add_tag', tag: 'volunteers', replyText: 'Thank you! We will call you this week.' }

export const NewKeyword = Type.Object({
  word: Word, action: Action, replyText: Type.Optional(nullable(ReplyText)), tag: Type.Optional(nullable(TagName))
}, { additionalProperties: false, examples: [example] })
export type NewKeyword = Static<typeof NewKeyword>

export const KeywordChanges = Type.Object({
  word: Type.Optional(Word), action: Type.Optional(Action), replyText: Type.Optional(nullable(ReplyText)), tag: Type.Optional(nullable(TagName))
}, { additionalProperties: false, minProperties: 1, examples: [{ replyText: 'Thank you! We will call you tomorrow.' }] })
export type KeywordChanges = Static<typeof KeywordChanges>
