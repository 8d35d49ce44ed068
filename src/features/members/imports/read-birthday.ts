// Reads a date of birth in the spellings people and programs write it in. What could be two days is read by the order that was asked for.
export type DateOrder = 'mdy' | 'dmy'

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** As yyyy-mm-dd; undefined for what is no day between 1900 and today. A year of two digits is the last that had them. */
export function readBirthday (text: string, order: DateOrder, today: Date): string | undefined {
  const plain = text.trim().replace(/[T ]00:00(:00(\.0+)?)?Z?$/, '')
  const [, isoYear, isoMonth, isoDay] = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$/.exec(plain) ?? []
  if (isoYear !== undefined) return toDay(isoYear, isoMonth, isoDay, today)
  const [, first, sign, second, year] = /^(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})$/.exec(plain) ?? []
  if (first !== undefined) {
    const [month, day] = order === 'mdy' && sign !== '.' ? [first, second] : [second, first]
    return toDay(year, month, day, today)
  }
  const [, monthFirst, dayAfter, yearAfter] = /^([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})$/i.exec(plain) ?? []
  if (monthFirst !== undefined) return toDay(yearAfter, monthNumber(monthFirst), dayAfter, today)
  const [, dayFirst, named, yearLast] = /^(\d{1,2})(?:st|nd|rd|th)?[ -]([a-z]{3,9})\.?,?[ -](\d{4})$/i.exec(plain) ?? []
  return dayFirst === undefined ? undefined : toDay(yearLast, monthNumber(named), dayFirst, today)
}

function monthNumber (name = ''): string {
  return String(months.indexOf(name.slice(0, 3).toLowerCase()) + 1)
}

function toDay (year = '', month = '', day = '', today: Date): string | undefined {
  const years = year.length === 2 ? lastYearEndingIn(Number(year), today) : Number(year)
  const date = new Date(Date.UTC(years, Number(month) - 1, Number(day)))
  const exists = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
  return exists && isBirthday(date, today) ? date.toISOString().slice(0, 10) : undefined
}

/** Whether anyone alive may be born on this day. */
export function isBirthday (day: Date | string, today: Date): boolean {
  const date = new Date(day)
  return date.getUTCFullYear() >= 1900 && date.getTime() <= today.getTime()
}

function lastYearEndingIn (digits: number, today: Date): number {
  const year = Math.floor(today.getUTCFullYear() / 100) * 100 + digits
  return year > today.getUTCFullYear() ? year - 100 : year
}
