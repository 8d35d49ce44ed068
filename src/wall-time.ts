// Wall time: what the clocks of a zone show, and the instant that is. Nothing here adds 24 hours to get to tomorrow.
import { IANAZone } from 'luxon'

export interface WallTime {
  /** YYYY-MM-DD */
  date: string
  /** HH:MM */
  time: string
}

const dayMs = 86_400_000

/**
 * A time that the clocks skip counts with the offset before the gap (02:30 becomes 03:30), one that they show twice is the
 * first (RFC 5545 section 3.3.5). `zone`: of the IANA database. @throws RangeError when date, time or zone is none
 */
export function toInstant ({ date, time }: WallTime, zone: string): Date {
  const wall = Date.parse(`${date}T${time}:00Z`)
  if (Number.isNaN(wall)) throw new RangeError(`${date} ${time} is no time of any day`)
  // Luxon leaves open which of two instants it means, so all it is asked for is offsets. No zone changes its clocks twice in two days.
  const before = offsetAt(zone, wall - dayMs)
  const after = offsetAt(zone, wall + dayMs)
  const shown = [wall - before, wall - after].filter((instant) => instant + offsetAt(zone, instant) === wall)
  return new Date(shown.length > 0 ? Math.min(...shown) : wall - before)
}

/** What the clocks of the zone show, seconds cut off. @throws RangeError when there is no such zone */
export function toWallTime (instant: Date, zone: string): WallTime {
  const [date = '', time = ''] = new Date(instant.getTime() + offsetAt(zone, instant.getTime())).toISOString().split('T')
  return { date, time: time.slice(0, 5) }
}

/** From 1 for Monday to 7 for Sunday. */
export function weekdayOf (date: string): number {
  return (new Date(date).getUTCDay() + 6) % 7 + 1
}

/** The date so many days later. */
export function addDays (date: string, days: number): string {
  return new Date(Date.parse(date) + days * dayMs).toISOString().slice(0, 10)
}

/** Milliseconds that the clocks are ahead of UTC. */
function offsetAt (zone: string, instant: number): number {
  const minutes = IANAZone.create(zone).offset(instant)
  if (Number.isNaN(minutes)) throw new RangeError(`${zone} is no zone of the IANA database`)
  return minutes * 60_000
}
