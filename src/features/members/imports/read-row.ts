// Reads the cells of one row as a person, whole or not at all: what is wrong with it is told by a code.
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { isTimeZone } from '../../../http/wire.js'
import { type E164, readPhone } from '../phone.js'
import { readCell, splitNames } from './csv-cells.js'
import { readBirthday } from './read-birthday.js'
import { type ColumnMapping, type FieldName, type ImportOptions } from './schemas.js'

/** What a member has of their own. */
export interface PersonFields { firstName: string, lastName: string, email: string | null, birthday: string | null, timeZone: string | null, custom: Record<string, unknown> }

/** What the row says of consent: `unproven` is a yes without saying where it was given. */
export type RowConsent = { said: 'yes', source: string, note: string | null } | { said: 'no' } | { said: 'out' } | { said: 'unproven' }

export interface ImportedPerson { phone: E164, fields: PersonFields, tags: string[], branches: string[], consent: RowConsent }
export type ReadRow = { row: number } & ({ person: ImportedPerson } | { invalid: string })

const email = Compile(Type.String({ format: 'email', maxLength: 254 }))
const most = { name: 100, tag: 50, branch: 100, names: 100, custom: 2_000, source: 100, note: 1_000 }
const dayFirst = (country: string): boolean => !['US', 'CA', 'PH'].includes(country)
const yes = /^(y|yes|true|1|x|on|ok|opted[ _-]?in|opt[ _-]?in|in|subscribed|active|granted|ja|si|sí|oui|sim)$/i
const out = /^(opted[ _-]?out|opt[ _-]?out|out|unsubscribed|stop|stopped|withdrawn)$/i

/** Reads rows of one file. `today`: of the organization, for what can't be born yet. */
export function rowReader (columns: readonly ColumnMapping[], options: ImportOptions, today: Date): (cells: readonly string[], row: number) => ReadRow {
  const country = options.defaultCountry ?? 'US'
  const order = options.dateOrder ?? (dayFirst(country) ? 'dmy' : 'mdy')
  const places = new Map(columns.map(({ field }, index) => [field, index]))
  const customs = columns.flatMap(({ field }, index) => field?.startsWith('custom.') === true ? [{ key: field.slice('custom.'.length), index }] : [])
  const zones = new Map<string, boolean>()
  const knowsZone = (zone: string): boolean => {
    const known = zones.get(zone) ?? isTimeZone(zone)
    zones.set(zone, known)
    return known
  }

  return (cells, row) => {
    const cell = (field: FieldName): string => readCell(cells[places.get(field) ?? -1] ?? '')
    const invalid = (reason: string): ReadRow => ({ row, invalid: reason })
    if (cells.slice(columns.length).some((extra) => extra.trim() !== '')) return invalid('more_cells_than_columns')
    if (cell('phone') === '') return invalid('phone_missing')
    const phone = readPhone(cell('phone'), country)
    if (phone === undefined) return invalid('phone_invalid')
    const [firstName, lastName] = readNames(cell)
    if (firstName.length > most.name || lastName.length > most.name) return invalid('name_too_long')
    if (cell('email') !== '' && !email.Check(cell('email'))) return invalid('email_invalid')
    const birthday = cell('birthday') === '' ? null : readBirthday(cell('birthday'), order, today)
    if (birthday === undefined) return invalid('birthday_invalid')
    if (cell('timeZone') !== '' && !knowsZone(cell('timeZone'))) return invalid('time_zone_unknown')
    const tags = splitNames(cell('tags'))
    if (tags.length > most.names || tags.some((name) => name.length > most.tag)) return invalid('tag_too_long')
    const branches = splitNames(cell('branches'))
    if (branches.length > most.names || branches.some((name) => name.length > most.branch)) return invalid('branch_too_long')
    const own = customs.map(({ key, index }): [string, string] => [key, readCell(cells[index] ?? '')]).filter(([, value]) => value !== '')
    if (own.some(([, value]) => value.length > most.custom)) return invalid('custom_too_long')
    const fields = { firstName, lastName, email: cell('email') || null, birthday, timeZone: cell('timeZone') || null, custom: Object.fromEntries(own) }
    return { row, person: { phone, fields, tags, branches, consent: readConsent(cell, places.has('optIn'), options) } }
  }
}

/** A full name's last word is the last name. */
function readNames (cell: (field: FieldName) => string): [string, string] {
  const [firstName, lastName] = [cell('firstName'), cell('lastName')]
  if (firstName !== '' || lastName !== '') return [firstName, lastName]
  const [, after, before] = /^([^,]+),(.*)$/.exec(cell('name')) ?? []
  if (after !== undefined) return [(before ?? '').trim(), after.trim()]
  const words = cell('name').split(/\s+/)
  return words.length < 2 ? [words.join(' '), ''] : [words.slice(0, -1).join(' '), words.at(-1) ?? '']
}

function readConsent (cell: (field: FieldName) => string, hasColumn: boolean, options: ImportOptions): RowConsent {
  const said = cell('optIn')
  if (out.test(said)) return { said: 'out' }
  const source = (cell('optInSource') || options.optInSource?.trim() || '').slice(0, most.source)
  const note = (cell('optInNote') || options.optInNote?.trim() || '').slice(0, most.note)
  if (hasColumn && !yes.test(said)) return { said: 'no' }
  if (source === '') return { said: hasColumn ? 'unproven' : 'no' }
  return { said: 'yes', source, note: note === '' ? null : note }
}
