// The next hours in which a person may be texted, as instants: by the clocks of their zone, the law of their state and the organization's wish.
import { addDays, toInstant, toWallTime, weekdayOf } from '../../wall-time.js'
import { type Hours, lawfulHours } from './rules.js'

export interface Window {
  /** At `closes` it is quiet again. */
  opens: Date
  closes: Date
}

/** Where and by which clocks someone is. */
export interface Place { timeZone: string, region: string | null }

/** Where an hour that the organization allows and one that the law does never meet; unreachable with hours that `ownHoursFault` lets through. */
const mostDaysAhead = 8

/**
 * The window that `time` is in, else the next one. Each end is looked up on the clocks of its own day, so a night in which they
 * change is as long as it is. `own`: the organization's hours, which can only narrow those of the law.
 */
export function nextWindow (time: Date, { timeZone, region }: Place, own: Hours | null): Window {
  const today = toWallTime(time, timeZone).date
  for (let days = 0; days < mostDaysAhead; days++) {
    const date = addDays(today, days)
    const lawful = lawfulHours(region, weekdayOf(date))
    const hours = own === null ? lawful : { opens: later(own.opens, lawful.opens), closes: own.closes < lawful.closes ? own.closes : lawful.closes }
    if (hours.opens >= hours.closes) continue
    const window = { opens: toInstant({ date, time: hours.opens }, timeZone), closes: toInstant({ date, time: hours.closes }, timeZone) }
    if (time < window.closes) return window
  }
  throw new RangeError(`No hour in ${timeZone} is left between the organization's hours and those of the law.`)
}

function later (one: string, other: string): string {
  return one > other ? one : other
}

/** What is wrong with an organization's hours; undefined when they leave an hour of every day in every state. */
export function ownHoursFault ({ opens, closes }: Hours): { path: string, message: string } | undefined {
  if (opens > '19:00') return { path: '/body/opens', message: 'must be 19:00 or earlier: some states are quiet from 20:00' }
  if (closes < '13:00') return { path: '/body/closes', message: 'must be 13:00 or later: Texas is quiet until noon on Sundays' }
  return minutes(closes) - minutes(opens) < 60 ? { path: '/body/closes', message: 'must be an hour after opens, or later' } : undefined
}

function minutes (time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
}
