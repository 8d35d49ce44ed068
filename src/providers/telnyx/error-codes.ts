// The carrier's error codes that we act upon, as data. Source: the carrier's list of messaging error codes. A code that is not here is final for its text.

/** `never`: the same text would be refused again. `later`: the text did not leave or arrive, and may another time. */
export interface ErrorCode {
  says: string
  again: 'never' | 'later'
  /** Milliseconds before the next try, of this text alone or of everything from its number. */
  afterMs?: number
  slows?: 'text' | 'number'
}

const minute = 60_000

export const errorCodes: Readonly<Record<string, ErrorCode>> = {
  10011: { says: 'too many requests', again: 'later', slows: 'number' },
  40001: { says: 'not routable: a landline or an unknown number', again: 'never' },
  40002: { says: 'taken for spam, for the time being', again: 'later', slows: 'text', afterMs: 10 * minute },
  40003: { says: 'taken for spam, for good', again: 'never' },
  40010: { says: 'the number is not registered for 10DLC', again: 'never' },
  40012: { says: 'invalid destination number', again: 'never' },
  40014: { says: 'expired in the carrier\'s queue', again: 'later', slows: 'text', afterMs: minute },
  40015: { says: 'taken for spam by the carrier itself', again: 'never' },
  40016: { says: 'T-Mobile\'s daily limit of the brand is used up', again: 'later', slows: 'number', afterMs: 60 * minute },
  40018: { says: 'AT&T\'s limit a minute of the campaign is used up', again: 'later', slows: 'number', afterMs: minute },
  40300: { says: 'blocked: the person texted STOP to this number', again: 'never' },
  40305: { says: 'not a number of this account that can send', again: 'never' },
  40310: { says: 'invalid destination number', again: 'never' },
  40312: { says: 'the messaging profile is disabled', again: 'never' },
  40318: { says: 'the carrier\'s queue of this number is full', again: 'later', slows: 'number', afterMs: minute },
  40321: { says: 'the messaging profile has no number that can send', again: 'never' },
  40322: { says: 'the content was refused', again: 'never' }
}

/** Codes after which the same text may go through another time. */
export const temporaryCodes: ReadonlySet<string> = new Set(Object.entries(errorCodes).flatMap(([code, { again }]) => again === 'later' ? [code] : []))

/** Codes after which everything from the number waits, and how long, in milliseconds. One without a time of its own comes as HTTP 429, which says it. */
export const slowingCodes: ReadonlyMap<string, number> = new Map(Object.entries(errorCodes).flatMap(([code, { slows, afterMs }]) => slows === 'number' && afterMs !== undefined ? [[code, afterMs]] : []))
