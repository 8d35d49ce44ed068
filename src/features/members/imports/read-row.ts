// Reads the cells of one row as a person, whole or not at all: what is wrong with it is told by a code.
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { isTimeZone } from '../../../http/wire.js'
import { fitsCustom } from '../custom-fields.js'
import { type E164, readPhone } from '../phone.js'
import { readCell, splitNames } from './csv-cells.js'
import { type DateOrder, readBirthday } from './read-birthday.js'
import { readRowConsent, type RowConsent } from './read-row-consent.js'
import { type ColumnMapping, type FieldName, type ImportOptions } from './schemas.js'

/** What a member has of their own. */
export interface PersonFields { firstName: string, lastName: string, email: string | null, birthday: string | null, timeZone: string | null, custom: Record<string, unknown> }

export interface ImportedPerson { phone: E164, fields: PersonFields, tags: string[], branches: string[], consent: RowConsent }
export type ReadRow = { row: number } & ({ person: ImportedPerson } | { invalid: string })

/** The text of a field in the row at hand; empty where the file has no such column. */
export type Cell = (field: FieldName) => string

/** How the rows of one file are read. */
interface Reading {
  options: ImportOptions
  columns: number
  hasConsent: boolean
  customs: ReadonlyArray<{ key: string, index: number }>
  dateOrder: DateOrder
  today: Date
  knowsZone: (zone: string) => boolean
}

const email = Compile(Type.String({ format: 'email', maxLength: 254 }))
const most = { name: 100, tag: 50, branch: 100, names: 1_000 }
const monthFirst: readonly string[] = ['US', 'CA', 'PH']

/** Reads rows of one file. `today`: of the organization, for what can't be born yet. */
export function rowReader (columns: readonly ColumnMapping[], options: ImportOptions, today: Date): (cells: readonly string[], row: number) => ReadRow {
  const { defaultCountry, dateOrder = defaultCountry === undefined || monthFirst.includes(defaultCountry) ? 'mdy' : 'dmy' } = options
  const places = new Map(columns.map(({ field }, index) => [field, index]))
  const customs = columns.flatMap(({ field }, index) => field?.startsWith('custom.') === true ? [{ key: field.slice('custom.'.length), index }] : [])
  const reading: Reading = { options, columns: columns.length, hasConsent: places.has('optIn'), customs, dateOrder, today, knowsZone: rememberingZones() }
  return (cells, row) => {
    const read = readPerson(cells, (field) => readCell(cells[places.get(field) ?? -1] ?? ''), reading)
    return typeof read === 'string' ? { row, invalid: read } : { row, person: read }
  }
}

function rememberingZones (): (zone: string) => boolean {
  const zones = new Map<string, boolean>()
  return (zone) => {
    const known = zones.get(zone) ?? isTimeZone(zone)
    zones.set(zone, known)
    return known
  }
}

/** A text is the code of what is wrong. */
function readPerson (cells: readonly string[], cell: Cell, reading: Reading): ImportedPerson | string {
  if (cells.slice(reading.columns).some((extra) => extra.trim() !== '')) return 'more_cells_than_columns'
  const phone = readPhone(cell('phone'), reading.options.defaultCountry)
  if (phone === undefined) return phoneFault(cell('phone'), reading.options)
  const fields = readFields(cells, cell, reading)
  if (typeof fields === 'string') return fields
  const tags = splitNames(cell('tags'))
  if (tags.length > most.names || tags.some((name) => isLonger(name, most.tag))) return 'tag_too_long'
  const branches = splitNames(cell('branches'))
  if (branches.length > most.names || branches.some((name) => isLonger(name, most.branch))) return 'branch_too_long'
  return { phone, fields, tags, branches, consent: readRowConsent(cell, reading.hasConsent, reading.options) }
}

function phoneFault (text: string, { defaultCountry }: ImportOptions): string {
  if (text === '') return 'phone_missing'
  return defaultCountry === undefined && !text.startsWith('+') && text.replace(/\D/g, '').length >= 6 ? 'phone_country_missing' : 'phone_invalid'
}

function readFields (cells: readonly string[], cell: Cell, { customs, dateOrder, today, knowsZone }: Reading): PersonFields | string {
  const [firstName, lastName] = readNames(cell)
  if (isLonger(firstName, most.name) || isLonger(lastName, most.name)) return 'name_too_long'
  const [address, born, zone] = [cell('email'), cell('birthday'), cell('timeZone')]
  if (address !== '' && !email.Check(address)) return 'email_invalid'
  const birthday = born === '' ? null : readBirthday(born, dateOrder, today)
  if (birthday === undefined) return 'birthday_invalid'
  if (zone !== '' && !knowsZone(zone)) return 'time_zone_unknown'
  const custom = Object.fromEntries(customs.map(({ key, index }): [string, string] => [key, readCell(cells[index] ?? '')]).filter(([, value]) => value !== ''))
  if (!fitsCustom(custom)) return 'custom_too_long'
  return { firstName, lastName, email: address === '' ? null : address, birthday, timeZone: zone === '' ? null : zone, custom }
}

/** In characters as the database counts them. */
function isLonger (text: string, most: number): boolean {
  return text.length > most && Array.from(text).length > most
}

/** A full name's last word is the last name. */
function readNames (cell: Cell): [string, string] {
  const [firstName, lastName] = [cell('firstName'), cell('lastName')]
  if (firstName !== '' || lastName !== '') return [firstName, lastName]
  const [, after, before] = /^([^,]+),(.*)$/.exec(cell('name')) ?? []
  if (after !== undefined) return [(before ?? '').trim(), after.trim()]
  const words = cell('name').split(/\s+/)
  return words.length < 2 ? [words.join(' '), ''] : [words.slice(0, -1).join(' '), words.at(-1) ?? '']
}
