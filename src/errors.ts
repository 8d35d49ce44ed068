// The catalogue of errors the API can answer: stable code, status, and a sentence that tells its reader what to do next.
import { STATUS_CODES } from 'node:http'

interface CatalogueEntry { status: number, detail: string }

const catalogue = {
  ACCESS_TOKEN_EXPIRED: { status: 401, detail: 'The access token has expired. Call POST /api/auth/refresh, then try again.' },
  ACCESS_TOKEN_INVALID: { status: 401, detail: 'The access token is not valid. Sign in again with POST /api/auth/login.' },
  ADMIN_NOT_FOUND: { status: 404, detail: 'No active admin of the organization has this id. List them with GET /api/admins.' },
  ARCHIVE_UNREADABLE: { status: 422, detail: 'This is no archive that can be read here. Nothing was changed.' },
  AREA_CODE_INVALID: { status: 400, detail: 'areaCode must be a three-digit North American area code, such as 615.' },
  AUDIENCE_EMPTY: { status: 409, detail: 'Nobody in this audience has opted in, so nothing was queued. Choose another, or record consent with optIn in PATCH /api/members/:id.' },
  AUTHENTICATION_REQUIRED: { status: 401, detail: 'Send an access token: Authorization: Bearer <accessToken>, from POST /api/auth/login.' },
  BODY_MALFORMED: { status: 400, detail: 'The body could not be read as JSON. Check its syntax and the Content-Type header.' },
  BODY_TOO_LARGE: { status: 413, detail: 'The body is larger than this endpoint accepts. Send less in one request.' },
  BRANCH_NAME_TAKEN: { status: 409, detail: 'Another branch has this name. Choose a different one.' },
  BRANCH_NOT_FOUND: { status: 404, detail: 'No branch has this id. List them with GET /api/branches.' },
  CARRIER_REFUSED: { status: 502, detail: 'The carrier refused this. Nothing was changed; ask support what it objects to.' },
  CARRIER_UNAVAILABLE: { status: 502, detail: 'The carrier did not answer. Nothing was changed; try again in a minute.' },
  CONTENT_TYPE_UNSUPPORTED: { status: 415, detail: 'Send the body as application/json.' },
  CONVERSATION_MESSAGE_NOT_FOUND: { status: 404, detail: 'This conversation has no message with this id. List them with GET /api/conversations/:id/messages.' },
  CONVERSATION_NOT_FOUND: { status: 404, detail: 'No conversation has this id. List them with GET /api/conversations.' },
  CONVERSATION_NOT_OPEN: { status: 409, detail: 'Only an open conversation can be put off. Open it first with status.' },
  CONVERSATION_SUPERSEDED: { status: 409, detail: 'A newer conversation with this person is open. Go on there, or close it first.' },
  CREDENTIALS_INVALID: { status: 401, detail: 'The e-mail or the password is not right. Check both and try again.' },
  CSRF_TOKEN_INVALID: { status: 403, detail: 'A cookie caller must send the X-CSRF-Token header, from GET /api/auth/csrf-token. Bearer callers need none.' },
  CSV_EMPTY: { status: 422, detail: 'There is no row after the header. Nothing was imported.' },
  CSV_ENCODING: { status: 422, detail: 'The file\'s encoding can\'t be told. Save it as "CSV UTF-8". Nothing was imported.' },
  CSV_HEADER_MISSING: { status: 422, detail: 'The first row has a person in it, not the names of the columns. Put a row such as phone,firstName,lastName before it. Nothing was imported.' },
  CSV_MALFORMED: { status: 422, detail: 'The file can\'t be read as CSV. Nothing was imported.' },
  CSV_NOT_TEXT: { status: 415, detail: 'This is not a CSV file. Open it and save it as "CSV UTF-8".' },
  CSV_PHONE_COLUMN_MISSING: { status: 422, detail: 'No column is known as the phone number. Name it in options: {"columns": {"<its header>": "phone"}}. Nothing was imported.' },
  CSV_TOO_LARGE: { status: 413, detail: 'The file is too large: 50 MB and 500,000 rows are the most. Import it in parts; each needs the header.' },
  CURSOR_INVALID: { status: 400, detail: 'The cursor is not one this list gave. Start again without it.' },
  DATABASE_BUSY: { status: 503, detail: 'Every database connection is in use. Wait as long as Retry-After says, then try again.' },
  DATABASE_UNAVAILABLE: { status: 503, detail: 'The database is out of reach. It is tried again by itself; wait as long as Retry-After says.' },
  DEAD_LETTER_CLOSED: { status: 409, detail: 'This has been settled meanwhile. GET /api/dead-letters/:id tells how.' },
  DEAD_LETTER_NOT_A_TEXT: { status: 409, detail: 'This is not about a text, so it can\'t be sent again, delivered or failed. Resolve it as handled or dismissed.' },
  DEAD_LETTER_NOT_FOUND: { status: 404, detail: 'No dead letter has this id. List them with GET /api/dead-letters.' },
  IDEMPOTENCY_KEY_IN_USE: { status: 409, detail: 'A request with this Idempotency-Key is still being answered, or ended without an answer. Wait a moment and send it again; if this stays, look whether it was done before you send it under a new key.' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, detail: 'This Idempotency-Key was used for a different request. Use a new key for a new request.' },
  IMPORT_FINISHED: { status: 409, detail: 'The import has ended. GET /api/members/imports/:id tells how.' },
  IMPORT_NOT_FOUND: { status: 404, detail: 'No import has this id. They are kept for 30 days; list them with GET /api/members/imports.' },
  IMPORT_UNFINISHED: { status: 409, detail: 'Another import is under way. Wait for its end, or cancel it with POST /api/members/imports/:id/cancel.' },
  IMPORT_UPLOAD_MALFORMED: { status: 400, detail: 'Send multipart/form-data with the CSV file, whole, and if you like a field options with JSON in it, and nothing else.' },
  INTERNAL_ERROR: { status: 500, detail: 'Something went wrong on our side; it has been recorded. Quote the requestId to support.' },
  KEYWORD_NOT_FOUND: { status: 404, detail: 'No keyword has this id. List them with GET /api/keywords.' },
  KEYWORD_RESERVED: { status: 409, detail: 'This word opts people out or in, or asks for help, wherever it is texted. Choose another.' },
  KEYWORD_TAKEN: { status: 409, detail: 'There is a keyword of this word. Change that one, or choose another word.' },
  MEDIA_BUSY: { status: 503, detail: 'Too many pictures are being made smaller just now. Send this one again, as Retry-After says.' },
  MEDIA_GONE: { status: 404, detail: 'The bytes of this file are not in the storage any more. Upload it again.' },
  MEDIA_IN_USE: { status: 409, detail: 'A message that has not left yet shows this file. Cancel the message, or wait until it is sent.' },
  MEDIA_LINK_INVALID: { status: 404, detail: 'This link is not one of ours, or it has expired. Signed-in callers use GET /api/media/:id/content.' },
  MEDIA_NOT_FOUND: { status: 404, detail: 'No file has this id. List them with GET /api/media.' },
  MEDIA_NOT_SENDABLE: { status: 409, detail: 'A file that a member sent is kept as it came. To send it on, download it and upload it with POST /api/media, which makes it fit and takes out where it was made.' },
  MEDIA_TOO_LARGE: { status: 413, detail: 'The file is too large. Pictures may have 25 MB and are made smaller; anything else may have 1 MB, which is all that carriers take.' },
  MEDIA_TOO_LARGE_TOGETHER: { status: 422, detail: 'The files of one message may have 1 MB together, and 600 KB arrive everywhere. Leave some out, or send them one by one.' },
  MEDIA_TYPE_REFUSED: { status: 415, detail: 'Carriers do not take this type of file. Send a JPEG, PNG, GIF or WebP picture, an MP4, 3GP or MOV video, an MP3, WAV, AMR, OGG or M4A sound, a vCard, an iCalendar file or a PDF.' },
  MEDIA_UNREADABLE: { status: 422, detail: 'The picture cannot be read. It may be damaged or cut off: open it on your side and save it anew.' },
  MEMBER_NOT_FOUND: { status: 404, detail: 'No member has this id. List them with GET /api/members.' },
  MEMBER_OPTED_OUT: { status: 409, detail: 'This person has opted out. Only they can opt in again, by texting START.' },
  MEMBER_PHONE_TAKEN: { status: 409, detail: 'Another member has this phone number. Find them with GET /api/members?search=<phone>.' },
  MESSAGE_NOT_BROADCAST: { status: 409, detail: 'This is a text to one person. Only broadcasts can be paused, resumed, cancelled and tried again.' },
  MESSAGE_NOT_FOUND: { status: 404, detail: 'No message has this id. List them with GET /api/messages.' },
  MESSAGE_STATE_CONFLICT: { status: 409, detail: 'The message is at its end, so this can\'t be done any more. GET /api/messages/:id counts who got it.' },
  NOTHING_TO_RETRY: { status: 409, detail: 'Nobody who is opted in failed for a reason that allows another try, or all were tried again already. With {"reasons": "any"} every failure counts.' },
  NO_SENDING_NUMBER: { status: 409, detail: 'The organization has no active number to text from. Buy one with POST /api/numbers.' },
  NUMBER_NOT_FOUND: { status: 404, detail: 'No number has this id. List them with GET /api/numbers.' },
  NUMBER_TAKEN: { status: 409, detail: 'This number has been taken. Choose another from GET /api/numbers/available.' },
  OCCURRENCE_NOT_FOUND: { status: 404, detail: 'The rule has no occurrence to come on this date. GET /api/recurring-messages/:id lists the next ten.' },
  ORGANIZATION_CHOICE_REQUIRED: { status: 409, detail: 'This e-mail and password fit several organizations. Send the tenantId of one of those listed.' },
  ORIGIN_NOT_ALLOWED: { status: 403, detail: 'Pages of this origin may not call this endpoint. The operator can allow it with CORS_ORIGINS.' },
  PATH_MALFORMED: { status: 400, detail: 'The path could not be decoded. Percent-encode it as UTF-8.' },
  PHONE_INVALID: { status: 400, detail: 'This is not a phone number that can be texted. Write it with its country code, such as +1 615 555 0123.' },
  RANGE_NOT_SATISFIABLE: { status: 416, detail: 'The file has no such bytes. Content-Range tells how long it is.' },
  RATE_LIMITED: { status: 429, detail: 'Too many requests. Wait as long as Retry-After says, then try again.' },
  RECURRENCE_NOT_FOUND: { status: 404, detail: 'No recurring message has this id. List them with GET /api/recurring-messages.' },
  REFRESH_TOKEN_INVALID: { status: 401, detail: 'The refresh token is not valid or has been used before. Sign in again with POST /api/auth/login.' },
  ROLE_INSUFFICIENT: { status: 403, detail: 'Your role does not allow this. Ask the primary admin of your organization.' },
  ROUTE_NOT_FOUND: { status: 404, detail: 'There is nothing at this path. The API is described at /openapi.json.' },
  SEGMENT_IN_USE: { status: 409, detail: 'A message that has not left yet goes to this segment. Cancel it first, or change the segment instead.' },
  SEGMENT_NAME_TAKEN: { status: 409, detail: 'Another segment has this name. Choose a different one.' },
  SEGMENT_NOT_FOUND: { status: 404, detail: 'No segment has this id. List them with GET /api/segments.' },
  SERVER_UNSUITABLE: { status: 409, detail: 'This database server can\'t take the organization. Choose an open one; TENANT_SERVERS names those there are.' },
  SESSION_REVOKED: { status: 401, detail: 'This session has ended. Sign in again with POST /api/auth/login.' },
  SIGN_UP_SESSION_USED: { status: 409, detail: 'This sign-up was done before, and its session has been refreshed or has ended since. Sign in with POST /api/auth/login.' },
  SIGN_UP_UNAVAILABLE: { status: 503, detail: 'No database could be made for a new organization just now. Nothing was kept; try again in a minute.' },
  STORAGE_UNAVAILABLE: { status: 503, detail: 'The storage of pictures and files is out of reach. Nothing was changed; try again in a minute.' },
  TAG_IN_USE: { status: 409, detail: 'A keyword adds this tag. Change or delete the keyword first: GET /api/keywords.' },
  TAG_NAME_TAKEN: { status: 409, detail: 'Another tag has this name. Choose a different one, or use that tag.' },
  TAG_NOT_FOUND: { status: 404, detail: 'No tag has this id. List them with GET /api/tags.' },
  TEMPLATE_NAME_TAKEN: { status: 409, detail: 'Another template has this name. Choose a different one.' },
  TEMPLATE_NOT_FOUND: { status: 404, detail: 'No template has this id. List them with GET /api/templates.' },
  TENANT_ARCHIVED: { status: 403, detail: 'This organization is archived. Ask support to restore it.' },
  TENANT_BEHIND: { status: 503, detail: 'This organization\'s database is being brought up to date. Wait as long as Retry-After says, then try again.' },
  TENANT_MOVING: { status: 503, detail: 'This organization is being moved to another server. Wait as long as Retry-After says, then try again.' },
  TENANT_NOT_FOUND: { status: 404, detail: 'This organization does not exist any more. Sign in again.' },
  TENANT_OPERATION_FAILED: { status: 500, detail: 'The operation on the organization met an error. koinonia tenants operations shows it.' },
  TENANT_OPERATION_UNFINISHED: { status: 409, detail: 'Another operation on this organization has not ended. koinonia tenants operations shows it.' },
  TENANT_STATUS_CONFLICT: { status: 409, detail: 'The organization is not in a state that allows this. koinonia tenants show tells which state it is in.' },
  TENANT_SUSPENDED: { status: 403, detail: 'This organization is suspended. Ask support to resume it.' },
  TEXT_TOO_LONG: { status: 400, detail: 'The text needs more than 10 parts. Shorten it, or take out the characters that make each part shorter.' },
  TOO_MANY_STREAMS: { status: 429, detail: 'Too many are listening to events already. Close a stream you do not need, or wait as long as Retry-After says.' },
  TOPIC_NOT_FOUND: { status: 404, detail: 'Nobody\'s consent to this topic is on record. List the topics with GET /api/topics.' },
  UPLOAD_MALFORMED: { status: 400, detail: 'Send multipart/form-data with exactly one file in it, whole, and nothing else.' },
  VALIDATION_FAILED: { status: 400, detail: 'Some fields are not valid. Each is named in errors.' },
  WEBHOOK_MALFORMED: { status: 400, detail: 'The body is not an event of this provider. Post it byte for byte as the provider sent it.' },
  WEBHOOK_NOT_CONFIGURED: { status: 503, detail: 'The key that proves this provider\'s webhooks is not set. Set it and restart.' },
  WEBHOOK_OVERLOADED: { status: 503, detail: 'Too many events are waiting to be written. Send this one again, as Retry-After says.' },
  WEBHOOK_SIGNATURE_INVALID: { status: 401, detail: 'The signature does not fit the body. Check the public key that is set for this provider.' },
  WEBHOOK_STALE: { status: 401, detail: 'The signed time is more than five minutes away. Check the clock of the sender.' }
} as const satisfies Record<string, CatalogueEntry>

export type ProblemCode = keyof typeof catalogue

/** One invalid field: `path` is a JSON pointer into the request, `message` says what is wrong with it. */
export interface FieldError { path: string, message: string }

export interface ProblemOptions {
  detail?: string
  errors?: FieldError[]
  /** Seconds, for the Retry-After header. */
  retryAfter?: number
  /** Further members of the problem document, such as the organizations to choose from. */
  extensions?: Record<string, unknown>
  cause?: unknown
}

/** An error that the API answers as an RFC 9457 problem document. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly title: string
  readonly errors: FieldError[] | undefined
  readonly retryAfter: number | undefined
  readonly extensions: Record<string, unknown>

  constructor (readonly code: ProblemCode, options: ProblemOptions = {}) {
    super(options.detail ?? catalogue[code].detail, { cause: options.cause })
    this.status = catalogue[code].status
    this.title = STATUS_CODES[this.status] ?? 'Error'
    this.errors = options.errors
    this.retryAfter = options.retryAfter
    this.extensions = options.extensions ?? {}
  }
}

/** `throw problem('MEMBER_NOT_FOUND')` wherever a request or job meets one of the catalogued errors. */
export function problem (code: ProblemCode, options?: ProblemOptions): Problem {
  return new Problem(code, options)
}

/** Status and default detail of a code, for the API's own description. */
export function describeProblem (code: ProblemCode): CatalogueEntry {
  return catalogue[code]
}
