// Tells the carrier's refusals, which are final, from its silence, after which nobody knows.
import { problem, type Problem } from '../../errors.js'

/** HTTP statuses of a refusal. What else goes wrong (429, 5xx, time-outs, lost connections) may be tried again. */
const refusals = new Set([400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 422])

export interface Refusal { status: number, detail: string }

/** Undefined when the carrier gave no clear answer. */
export function asRefusal (error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number' || !refusals.has(error.status)) return undefined
  return { status: error.status, detail: detailOf(error) ?? `It answered ${error.status}.` }
}

/** CARRIER_REFUSED with the carrier's own reason, or CARRIER_UNAVAILABLE. */
export function explainFailure (error: unknown): Problem {
  const refusal = asRefusal(error)
  if (refusal === undefined) return problem('CARRIER_UNAVAILABLE', { cause: error })
  return problem('CARRIER_REFUSED', { detail: `The carrier refused this: ${refusal.detail}`, cause: error })
}

/** `{errors: [{code, title, detail}]}`, as the carrier describes every fault. */
function detailOf (error: object): string | undefined {
  const body: unknown = Reflect.get(error, 'error')
  const errors: unknown = isObject(body) ? body['errors'] : undefined
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined
  if (!isObject(first)) return undefined
  const detail = first['detail'] ?? first['title']
  return typeof detail === 'string' && detail !== '' ? detail : undefined
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
