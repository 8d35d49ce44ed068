// Errors in the shape of Telnyx's API: {errors: [{code, title, detail}]}.
export class TelnyxError extends Error {
  readonly statusCode: number
  readonly code: string
  readonly title: string
  readonly detail: string

  constructor (statusCode: number, code: string, detail?: string) {
    const title = titles[code] ?? 'Unexpected error'
    super(title)
    this.statusCode = statusCode
    this.code = code
    this.title = title
    this.detail = detail ?? `${title}.`
  }

  toJSON () {
    return telnyxErrors(this)
  }
}

export function telnyxErrors ({ code, title, detail }: { code: string, title: string, detail: string }) {
  return { errors: [{ code, title, detail, meta: { url: `https://developers.telnyx.com/docs/overview/errors/${code}` } }] }
}

export function errorTitle (code: string): string {
  return titles[code] ?? 'Unexpected error'
}

/** https://developers.telnyx.com/development/api-fundamentals/api-errors */
const titles: Record<string, string> = {
  10005: 'Resource not found',
  10007: 'Unexpected error',
  10009: 'Authentication failed',
  10011: 'Too many requests',
  10015: 'Bad Request',
  40001: 'Not routable',
  40002: 'Blocked as spam - temporary',
  40008: 'Undeliverable',
  40300: 'Blocked due to STOP message',
  40302: 'Message too large',
  40305: "Invalid 'from' address",
  40310: "Invalid 'to' address",
  40312: 'Messaging profile is disabled',
  40316: 'No content provided',
  40317: 'Invalid MMS content',
  40321: 'No usable numbers on messaging profile'
}
