// One thing the doctor looked at: how it stands, and if it is not well, what to do next.
import { Problem } from '../errors.js'

/** A repair that loses nothing, and that may be done twice. */
export interface Fix {
  /** What is about to be done, for who reads it before it is. */
  what: string
  /** The tenant it is about, for the record of operators' acts. */
  subject?: string
  run: () => Promise<unknown>
}

export interface Check {
  name: string
  state: 'ok' | 'warning' | 'failed'
  detail: string
  /** The next step, for whatever is not ok. */
  next?: string
  fix?: Fix
}

export const ok = (name: string, detail: string): Check => ({ name, state: 'ok', detail })
export const warning = (name: string, detail: string, next: string): Check => ({ name, state: 'warning', detail, next })
export const failed = (name: string, detail: string, next: string): Check => ({ name, state: 'failed', detail, next })

/** One that `koinonia doctor --fix` mends. */
export function mendable (name: string, detail: string, fix: Fix, state: 'warning' | 'failed' = 'failed'): Check {
  return { name, state, detail, next: `Run: koinonia doctor --fix. It would ${fix.what}.`, fix }
}

/** A check that can't be made is itself a finding. */
export async function attempt (name: string, next: string, check: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await check()
  } catch (error) {
    return [failed(name, messageOf(error), next)]
  }
}

/** For an operator; callers of the API are not told what exactly is out of reach. */
export function messageOf (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof Problem && error.code === 'DATABASE_UNAVAILABLE' && error.cause !== undefined) return `The database is out of reach: ${messageOf(error.cause)}`
  return error.message === '' ? error.name : error.message
}
