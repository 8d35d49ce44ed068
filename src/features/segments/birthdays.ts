// Which birthdays fall into the coming days, as MM-DD.
import { DateTime } from 'luxon'

/** From today in this zone to `days` later, 366 at most. 29 February is kept on the 28th of a year that has none. */
export function birthdaysWithin (days: number, now: Date, timeZone: string): string[] {
  const today = DateTime.fromJSDate(now, { zone: timeZone })
  const found = new Set<string>()
  for (let day = 0; day <= days; day++) {
    const date = today.plus({ days: day })
    found.add(date.toFormat('MM-dd'))
    if (date.month === 2 && date.day === 28 && !date.isInLeapYear) found.add('02-29')
  }
  return [...found]
}
