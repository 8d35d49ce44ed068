// How fast a message leaves: so many texts a second, and so many a day of the carriers, which begins at midnight Pacific.
import { addDays, toInstant, toWallTime } from '../../wall-time.js'

/** In texts; Infinity: no limit. `perDay`: at least one. */
export interface Pace { perSecond: number, perDay: number }

/** What may still leave on one day. `ends`: in milliseconds since 1970. */
export interface Share { left: number, ends: number }

const pacific = 'America/Los_Angeles'

export function shareOfDay ({ perDay }: Pace, time: number): Share {
  if (perDay === Infinity) return { left: Infinity, ends: Infinity }
  const midnight = { date: addDays(toWallTime(new Date(time), pacific).date, 1), time: '00:00' }
  return { left: perDay, ends: toInstant(midnight, pacific).getTime() }
}
