// The wire of imports.
import { type Readable } from 'node:stream'
import { getCountries } from 'libphonenumber-js/min'
import { type Static, Type } from 'typebox'
import { pageQuery } from '../../../http/pagination.js'
import { nullable, Timestamp, Uuid } from '../../../http/wire.js'
import { customKeyPattern } from '../custom-fields.js'

const fieldNames = ['phone', 'firstName', 'lastName', 'name', 'email', 'birthday', 'timeZone', 'branches', 'tags', 'optIn', 'optInSource', 'optInNote'] as const
const customPattern = `^custom\\.${customKeyPattern}$`
export type FieldName = typeof fieldNames[number] | `custom.${string}`

const Field = Type.Unsafe<FieldName>({ type: 'string', pattern: `^(${fieldNames.join('|')})$|${customPattern}`, description: `${fieldNames.join(', ')}, or custom.<a field of your own>.`, examples: ['phone'] })

export function isCustomField (name: string): name is `custom.${string}` {
  return new RegExp(customPattern, 'u').test(name)
}

const whenExists = ['fill', 'overwrite', 'skip'] as const
const Note = Type.String({ minLength: 1, maxLength: 1_000, pattern: '\\S', description: 'Kept as evidence.', examples: ['Connection cards, spring 2026'] })

export const ImportOptions = Type.Object({
  columns: Type.Optional(Type.Record(Type.String({ maxLength: 200 }), Type.Union([Field, Type.Null()]), {
    maxProperties: 200, description: 'Column of the file → what is in it; null: leave it out. Columns not named here are told by their names.', examples: [{ Handy: 'phone', Pew: 'custom.pew', Notes: null }]
  })),
  unknownColumns: Type.Optional(Type.Enum(['ignore', 'custom'], { description: 'What is not known by its name is left out, the default, or kept as a custom field of that name.' })),
  defaultCountry: Type.Optional(Type.Enum([...getCountries()], { description: 'Where a phone number without a country code is taken to be (ISO 3166). Unless given: the country of GET /api/settings/phones.', examples: ['US'] })),
  dateOrder: Type.Optional(Type.Enum(['mdy', 'dmy'], { description: 'How 03/04/1990 is read. Unless given: day first, but month first where defaultCountry is US, CA or PH, or nothing is known of it. 1990-04-23 and 23.4.1990 are read as they are.' })),
  whenExists: Type.Optional(Type.Enum([...whenExists], {
    description: 'For a phone number that a member, or a row before, has already. fill, the default: only what is empty. overwrite: whatever the row has. skip: nothing. An empty cell never erases; tags and branches are only added.'
  })),
  createTags: Type.Optional(Type.Boolean({ description: 'Make tags that do not exist yet (the default); else a row with one is invalid.' })),
  createBranches: Type.Optional(Type.Boolean({ description: 'Make branches that do not exist yet; else, the default, a row with one is invalid.' })),
  dryRun: Type.Optional(Type.Boolean({ description: 'Only report what would be done.', examples: [true] })),
  optInSource: Type.Optional(Type.String({ minLength: 1, maxLength: 100, pattern: '\\S', description: 'Where these people agreed to get texts. Required, here or as a column, to import anyone as opted in.', examples: ['Connection card'] })),
  optInNote: Type.Optional(Note)
}, { additionalProperties: false })
export type ImportOptions = Static<typeof ImportOptions>

/** What is left of the body when the file has been received. */
export const ImportBody = Type.Object({
  file: Type.String({ contentMediaType: 'text/csv', description: 'The CSV file: a header, then one person a row. 50 MB and 500,000 rows at most.', examples: ['(the bytes of members.csv)'] }),
  options: Type.Optional(Type.Object(ImportOptions.properties, { additionalProperties: false, description: 'JSON.', examples: [{ defaultCountry: 'US', dryRun: true }] }))
}, { additionalProperties: false })

const ColumnMapping = Type.Object({ header: Type.String({ examples: ['Handy'] }), field: nullable(Type.String({ description: 'Null: left out.', examples: ['phone'] })) })
export interface ColumnMapping { header: string, field: FieldName | null }

const Count = (description: string, example: number) => Type.Integer({ description, examples: [example] })

export const Import = Type.Object({
  id: Uuid,
  status: Type.String({ enum: ['queued', 'running', 'completed', 'cancelled', 'failed'] }),
  failure: nullable(Type.String({ description: 'Why it failed.', examples: [] })),
  dryRun: Type.Boolean(),
  fileName: nullable(Type.String({ examples: ['members.csv'] })),
  encoding: Type.String({ enum: ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'], description: 'As it was found. Look at names with accents before you trust windows-1252.' }),
  columns: Type.Array(ColumnMapping, { description: 'As they are read.' }),
  defaultCountry: nullable(Type.String({ description: 'Where a phone number without a country code is taken to be. Null: nothing is known of it, and such rows are invalid.', examples: ['US'] })),
  counts: Type.Object({
    rows: Count('Rows of the file without the header and blank lines. The five others add up to those done so far.', 1000),
    created: Count('New members.', 900),
    updated: Count('Members who were there and got something from the file.', 40),
    unchanged: Count('Members who were there and have all of it, or were left alone.', 40),
    duplicates: Count('Rows with the phone number of a row before.', 15),
    invalid: Count('Rows of which nothing was imported; the report says why.', 5)
  }),
  createdAt: Timestamp,
  finishedAt: nullable(Timestamp),
  expiresAt: nullable(Timestamp)
})
export type Import = Static<typeof Import>

export const ImportQuery = Type.Object(pageQuery)

/** A stream, which no serializer touches. */
export function csvAnswer (description: string, example: string) {
  const Content = Type.Unsafe<Readable>({ type: 'string', examples: [example] })
  return { description, content: { 'text/csv': { schema: Content } } }
}
