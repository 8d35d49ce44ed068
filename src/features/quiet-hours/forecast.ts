// What quiet hours and rates will do to a message that has not left: how many of its texts are put off, and when the last one leaves.
import { type WallTime } from '../../wall-time.js'
import { type DaytimeRules, type Departure, planDeparture } from './departures.js'
import { type Pace, type Share, shareOfDay } from './pace.js'
import { type Place } from './windows.js'

export interface PlaceCount extends Place { count: number }

export interface Forecast {
  /** Texts that quiet hours put off, once or again. */
  deferred: number
  /** When the last one leaves; null when it would take longer than a year. */
  lastLeavesAt: Date | null
}

interface Group { departure: Departure, left: number, deferred: boolean }

const unlimited: Pace = { perSecond: Infinity, perDay: Infinity }
const yearMs = 366 * 86_400_000

/** `local`: as for `planDeparture`. */
export function forecastDepartures (places: readonly PlaceCount[], start: Date, rules: DaytimeRules, local: WallTime | null, pace: Pace = unlimited): Forecast {
  const first = (departure: Departure, left: number): Group => ({ departure, left, deferred: departure.deferred })
  let groups = places.map((place) => first(planDeparture(place, start, rules, local), place.count))
  let deferred = groups.filter((group) => group.deferred).reduce((sum, { left }) => sum + left, 0)
  let time = start.getTime()
  let share = shareOfDay(pace, time)
  while (groups.length > 0) {
    time = Math.max(time, Math.min(...groups.map(opensAt)))
    if (time > start.getTime() + yearMs) return { deferred, lastLeavesAt: null }
    if (time >= share.ends) share = shareOfDay(pace, time)
    const until = Math.min(share.ends, ...groups.map((group) => opensAt(group) > time ? opensAt(group) : closesAt(group)))
    time = send(groups.filter((group) => opensAt(group) <= time), time, until, pace, share)
    groups = groups.filter(({ left }) => left > 0)
    for (const group of groups.filter((one) => closesAt(one) <= time)) {
      group.departure = planDeparture(group.departure, new Date(time), rules)
      if (!group.deferred) deferred += group.left
      group.deferred = true
    }
  }
  return { deferred, lastLeavesAt: new Date(time) }
}

/** Takes from the groups and the day's share what leaves before `until`. @returns when it has left */
function send (open: readonly Group[], from: number, until: number, { perSecond }: Pace, share: Share): number {
  let time = from
  for (const group of open) {
    const leaving = Math.min(group.left, share.left, wholeTexts((until - time) / 1_000 * perSecond))
    group.left -= leaving
    share.left -= leaving
    time += leaving / perSecond * 1_000
  }
  return open.every(({ left }) => left === 0) ? time : until
}

/** A division that comes out a hair below a whole text is one. */
function wholeTexts (texts: number): number {
  return Math.floor(texts + 1e-6)
}

function opensAt ({ departure }: Group): number {
  return departure.notBefore?.getTime() ?? -Infinity
}

function closesAt ({ departure }: Group): number {
  return departure.quietFrom?.getTime() ?? Infinity
}
