// What an answer to POST /messages says: accepted, refused, not now, or nothing that can be relied on.
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { type SendOutcome } from '../carrier.js'
import { slowingCodes } from './error-codes.js'

type Headers = Readonly<Record<string, string | string[] | undefined>>

const accepted = Compile(Type.Object({ data: Type.Object({ id: Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$' }) }) }))
const refusal = Compile(Type.Object({
  errors: Type.Array(Type.Object({ code: Type.Union([Type.String(), Type.Number()]), title: Type.Optional(Type.String()), detail: Type.Optional(Type.String()) }), { minItems: 1 })
}))

/**
 * Our account is not let in (401) or has no credit (402), or is asked to slow down (429): the text did not leave, and the
 * fault is not the recipient's, so it may leave later. So may one that is refused because the number has sent too much. Any other 4xx
 * is final for this text.
 */
const notNow: ReadonlyMap<number, string> = new Map([[401, 'carrier_key_refused'], [402, 'carrier_credit_used_up'], [429, 'carrier_rate_limit']])

export function readAnswer (status: number, headers: Headers, body: string): SendOutcome {
  if (status >= 200 && status < 300) {
    const answer = parse(body)
    return accepted.Check(answer) ? { kind: 'accepted', providerMessageId: answer.data.id } : { kind: 'unknown', reason: 'unreadable_answer' }
  }
  const later = notNow.get(status)
  if (later !== undefined) {
    const retryAfterMs = retryAfter(headers)
    return { kind: 'not_sent', reason: later, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(status === 429 ? { slows: 'number' } : {}) }
  }
  // A 408 may come from something between us and the carrier, which may have the text.
  if (status >= 500 || status === 408) return { kind: 'unknown', reason: `http_${status}` }
  return readRefusal(status, parse(body))
}

function readRefusal (status: number, answer: unknown): SendOutcome {
  const [first] = refusal.Check(answer) ? answer.errors : []
  if (first === undefined) return { kind: 'refused', code: `http_${status}`, detail: `The carrier answered HTTP ${status} without a reason.` }
  const retryAfterMs = slowingCodes.get(String(first.code))
  if (retryAfterMs !== undefined) return { kind: 'not_sent', reason: String(first.code), retryAfterMs, slows: 'number' }
  return { kind: 'refused', code: printable(String(first.code), 50), detail: printable([first.title, first.detail].filter((part) => part !== undefined).join(': '), 500) }
}

/** Milliseconds, from Retry-After (RFC 9110: seconds or a date) or the carrier's own header. */
function retryAfter (headers: Headers): number | undefined {
  const [value] = [headers['retry-after'], headers['x-ratelimit-reset']].flat().filter((given) => given !== undefined)
  if (value === undefined) return undefined
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1_000
  // A reset given as a point in time, or nonsense, is not believed beyond an hour.
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 3_600) * 1_000 : undefined
}

/** Without what a database or a log line would choke on, and without the numbers that carriers quote in their reasons. */
function printable (text: string, length: number): string {
  return text.replace(/[\p{Cc}\p{Cs}]/gu, ' ').replace(/\+?\d{7,}/g, '…').slice(0, length)
}

function parse (body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
