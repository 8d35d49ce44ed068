// Reads a recurrence rule: RFC 5545 section 3.3.10, without times of day, which a recurring message has beside its rule.
import { problem } from '../../errors.js'

export const frequencies = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] as const
/** In the order of the week, Monday first. */
export const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const
export type Weekday = typeof weekdays[number]

/** `nth`: of the month or year, from its end when negative; null: each one. */
export interface ByDay { weekday: Weekday, nth: number | null }

/** Through the whole of a date, or up to a time: in the rule's own zone, or in UTC. */
export type Until = { date: string } | { local: string } | { instant: Date }

export interface Rule {
  frequency: typeof frequencies[number]
  interval: number
  byDay: ByDay[]
  byMonthDay: number[]
  byMonth: number[]
  bySetPos: number[]
  weekStart: Weekday
  count: number | null
  until: Until | null
}

const most = { interval: 1_000, count: 1_000 }

/** @throws problem('VALIDATION_FAILED') naming what is wrong with it */
export function readRule (text: string): Rule {
  const parts = splitParts(text)
  const take = <T>(name: string, otherwise: T, read: (value: string) => T | undefined): T => {
    const value = parts.get(name)
    parts.delete(name)
    if (value === undefined) return otherwise
    return read(value) ?? refuse(`${name}=${value} cannot be read`)
  }
  const frequency = take('FREQ', undefined, (value) => frequencies.find((one) => one === value)) ?? refuse(`FREQ must be one of ${frequencies.join(', ')}`)
  const rule: Rule = {
    frequency,
    interval: take('INTERVAL', 1, (value) => readNumber(value, 1, most.interval)),
    byDay: take('BYDAY', [], (value) => readList(value, readByDay)),
    byMonthDay: take('BYMONTHDAY', [], (value) => readList(value, (one) => readNumber(one, -31, 31))),
    byMonth: take('BYMONTH', [], (value) => readList(value, (one) => readNumber(one, 1, 12))),
    bySetPos: take('BYSETPOS', [], (value) => readList(value, (one) => readNumber(one, -366, 366))),
    weekStart: take('WKST', 'MO', (value) => weekdays.find((one) => one === value)),
    count: take('COUNT', null, (value) => readNumber(value, 1, most.count)),
    until: take<Until | null>('UNTIL', null, readUntil)
  }
  for (const name of parts.keys()) refuse(`${name} is not supported; FREQ, INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, WKST, COUNT and UNTIL are`)
  refuseContradictions(rule)
  return rule
}

function splitParts (text: string): Map<string, string> {
  const parts = new Map<string, string>()
  for (const part of text.trim().toUpperCase().replace(/^RRULE:/, '').split(';')) {
    const [name = '', value = '', more] = part.split('=')
    if (value === '' || more !== undefined) refuse(`${part === '' ? 'an empty part' : part} is not NAME=VALUE`)
    if (parts.has(name)) refuse(`${name} is given twice`)
    parts.set(name, value)
  }
  return parts
}

function refuseContradictions ({ frequency, byDay, byMonthDay, bySetPos, count, until }: Rule): void {
  const long = frequency === 'MONTHLY' || frequency === 'YEARLY'
  if (count !== null && until !== null) refuse('COUNT and UNTIL cannot be given together')
  if (!long && byDay.some(({ nth }) => nth !== null)) refuse(`a number before a weekday in BYDAY needs FREQ=MONTHLY or FREQ=YEARLY, not ${frequency}`)
  if (frequency === 'MONTHLY' && byDay.some(({ nth }) => Math.abs(nth ?? 0) > 5)) refuse('a month has at most five of each weekday')
  if (frequency === 'WEEKLY' && byMonthDay.length > 0) refuse('BYMONTHDAY cannot be given with FREQ=WEEKLY')
  if (bySetPos.length > 0 && (!long || byDay.length + byMonthDay.length === 0)) refuse('BYSETPOS needs FREQ=MONTHLY or FREQ=YEARLY, and BYDAY or BYMONTHDAY')
}

function readByDay (text: string): ByDay | undefined {
  const [, sign = '', digits, name] = /^([+-]?)(\d{1,2})?([A-Z]{2})$/.exec(text) ?? []
  const weekday = weekdays.find((one) => one === name)
  if (weekday === undefined || (digits === undefined && sign !== '')) return undefined
  if (digits === undefined) return { weekday, nth: null }
  const nth = readNumber(sign + digits, -53, 53)
  return nth === undefined ? undefined : { weekday, nth }
}

function readUntil (text: string): Until | undefined {
  const [, year = '', month = '', day = '', clock, utc] = /^(\d{4})(\d{2})(\d{2})(T\d{6})?(Z)?$/.exec(text) ?? []
  const date = `${year}-${month}-${day}`
  if (!isDate(date)) return undefined
  if (clock === undefined) return utc === undefined ? { date } : undefined
  const [, hour = '', minute = '', second = ''] = /^T([01]\d|2[0-3])([0-5]\d)([0-5]\d)$/.exec(clock) ?? []
  if (hour === '') return undefined
  return utc === undefined ? { local: `${date}T${hour}:${minute}` } : { instant: new Date(`${date}T${hour}:${minute}:${second}Z`) }
}

/** A day of the calendar, such as 2028-02-29. */
export function isDate (text: string): boolean {
  const time = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
}

function readList<T> (text: string, read: (one: string) => T | undefined): T[] | undefined {
  const values = text.split(',').map(read)
  const good = values.filter((value): value is T & {} => value !== undefined)
  return good.length === values.length ? good : undefined
}

/** Never zero where negative ones are allowed: nothing is the zeroth. */
function readNumber (text: string, least: number, greatest: number): number | undefined {
  const value = /^[+-]?\d{1,4}$/.test(text) ? Number(text) : NaN
  return value >= least && value <= greatest && value !== 0 ? value : undefined
}

function refuse (message: string): never {
  throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/rule', message }] })
}
