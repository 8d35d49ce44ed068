// Which failures of an event will pass by themselves, and after how long it is tried again.
import { Problem } from '../errors.js'
import { type Outcome } from './queries.js'

/** Seconds before a suspended organization's event is looked at again: it is kept until the organization resumes. */
const suspendedSeconds = 15 * 60
const unavailableSeconds = 30
const firstDelaySeconds = 5
const longestDelaySeconds = 10 * 60

/** `attempt`: 1 at the first. A reason names no one: it is shown to operators. */
export function outcomeOfFailure (error: unknown, attempt: number): Outcome {
  if (!(error instanceof Problem)) return later(describe(error), Math.min(firstDelaySeconds * 2 ** (attempt - 1), longestDelaySeconds), true)
  switch (error.code) {
    case 'TENANT_NOT_FOUND': return { status: 'ignored', reason: 'The organization does not exist any more.' }
    case 'TENANT_SUSPENDED':
    case 'TENANT_ARCHIVED': return later(error.code, suspendedSeconds, false)
    case 'TENANT_MOVING':
    case 'TENANT_BEHIND':
    case 'DATABASE_BUSY':
    case 'DATABASE_UNAVAILABLE': return later(error.code, unavailableSeconds, false)
    case 'WEBHOOK_MALFORMED': return { status: 'failed', reason: error.message }
    default: return later(error.code, Math.min(firstDelaySeconds * 2 ** (attempt - 1), longestDelaySeconds), true)
  }
}

function later (reason: string, delaySeconds: number, counts: boolean): Outcome {
  return { status: 'received', reason, delaySeconds, counts }
}

function describe (error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : ''
  return `${error.name}${code}: ${error.message}`.slice(0, 300)
}
