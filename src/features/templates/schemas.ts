// The wire of templates.
import { type Static, Type } from 'typebox'
import { pageQuery } from '../../http/pagination.js'
import { Timestamp, Uuid } from '../../http/wire.js'
import { knownVariables } from './variables.js'

const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S', description: 'Unique whatever its case.', examples: ['Service reminder'] })
const Category = Type.String({ minLength: 1, maxLength: 50, pattern: '\\S', description: 'A word of your own to group them by.', examples: ['services'] })
const Text = Type.String({
  minLength: 1,
  maxLength: 5_000,
  // A zero byte: no database text can hold it.
  pattern: '^[^\\u0000]*\\S[^\\u0000]*$',
  description: `With variables: ${knownVariables}. {{firstName|friend}} says friend where there is no value; \\{{ stands for two braces.`,
  examples: ['Hi {{firstName|friend}}, {{organization}} looks forward to seeing you on Sunday.']
})
const SmartReplace = Type.Boolean({ description: 'Send curly quotes, dashes and the like as their plain counterparts.', examples: [true] })

export const Template = Type.Object({
  id: Uuid,
  name: Name,
  category: Category,
  text: Type.String({ examples: ['Hi {{firstName|friend}}, {{organization}} looks forward to seeing you on Sunday.'] }),
  variables: Type.Array(Type.String(), { description: 'Those in the text, each once.', examples: [['firstName', 'organization']] }),
  smartReplace: SmartReplace,
  isDefault: Type.Boolean({ description: 'It came with the organization and has not been changed.', examples: [false] }),
  useCount: Type.Integer({ description: 'Messages made from it.', examples: [12] }),
  createdAt: Timestamp,
  updatedAt: Timestamp
})
export type Template = Static<typeof Template>

export const NewTemplate = Type.Object({ name: Name, category: Category, text: Text, smartReplace: Type.Optional(SmartReplace) }, { additionalProperties: false })
export type NewTemplate = Static<typeof NewTemplate>

export const TemplateChanges = Type.Object({
  name: Type.Optional(Name), category: Type.Optional(Category), text: Type.Optional(Text), smartReplace: Type.Optional(SmartReplace)
}, { additionalProperties: false, minProperties: 1, examples: [{ text: 'Hi {{firstName|friend}}, see you on Sunday!' }] })
export type TemplateChanges = Static<typeof TemplateChanges>

export const TemplateQuery = Type.Object({ category: Type.Optional(Type.String({ minLength: 1, maxLength: 50, description: 'Whatever its case.' })), ...pageQuery })
