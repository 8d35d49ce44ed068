// The wire of a preview: what a message would say, to whom, and what it would cost.
import { type Static, Type } from 'typebox'
import { nullable, Timestamp, Uuid } from '../../http/wire.js'

const PersonFields = { memberId: Uuid, firstName: Type.String({ examples: ['Ada'] }), lastName: Type.String({ examples: ['Okafor'] }) }
const Count = (description: string, example: number) => Type.Integer({ description, examples: [example] })

const Sample = Type.Object({
  ...PersonFields,
  text: Type.String({ examples: ['Hi Ada, we missed you.'] }),
  encoding: Type.String({ enum: ['gsm7', 'ucs2'] }),
  parts: Count('What the carrier bills.', 1),
  variables: Type.Array(Type.Object({
    name: Type.String({ examples: ['firstName'] }),
    value: Type.String({ description: 'What stands in the text.', examples: ['Ada'] }),
    isFallback: Type.Boolean({ description: 'There was no value.', examples: [false] })
  }))
})

const LeftOut = Type.Object({
  reason: Type.String({ description: 'excepted, opted_out, not_opted_in, topic_opted_out (withdrew the topic), topic_not_opted_in, text_too_long or text_empty.', examples: ['not_opted_in'] }),
  count: Count('', 3),
  sample: Type.Array(Type.Object(PersonFields), { description: 'The first five.' })
})

const ForcingCharacter = Type.Object({
  character: Type.String({ examples: ['’'] }),
  codePoint: Type.String({ examples: ['U+2019'] }),
  position: nullable(Type.Integer({ description: 'In the text as it was written, in UTF-16 units from 0; null when only what variables say has it.', examples: [4] })),
  replacement: nullable(Type.String({ description: 'What says the same in GSM-7; smartReplace puts it in by itself. Null when nothing does.', examples: ['\''] })),
  recipients: Count('Whose texts it is in.', 118)
})

export const MessagePreview = Type.Object({
  recipients: Count('Who would get it if it left now.', 118),
  totalParts: Count('Over all recipients.', 118),
  parts: Type.Array(Type.Object({ parts: Count('', 1), recipients: Count('', 118) }), { description: 'How many recipients get texts of how many parts.' }),
  encodings: Type.Object({ gsm7: Count('Recipients whose text is plain.', 118), ucs2: Count('Recipients whose text has other characters.', 0) }),
  forcingUcs2: Type.Array(ForcingCharacter, { description: 'The characters for whose sake a text is sent as UCS-2, which more than halves the room in each part; the most frequent first, 20 at most.' }),
  deferred: Count('Whose text quiet hours put off.', 12),
  lastLeavesAt: nullable({ ...Timestamp, description: 'When the last text leaves by quiet hours, its local time and the rates of the number, the campaign, the brand and the carrier account, as long as nothing else is sent. Null: not within a year.' }),
  costCents: nullable(Type.Number({ description: 'At the operator\'s price; null when none is set.', examples: [47.2] })),
  leftOut: Type.Array(LeftOut, { description: 'Who is chosen and gets nothing, by reason.' }),
  sample: Type.Array(Sample, { description: 'The first ten recipients.' })
})
export type MessagePreview = Static<typeof MessagePreview>
