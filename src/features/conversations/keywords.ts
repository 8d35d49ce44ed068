// The words that carriers and the FCC give a meaning: recognised in every spelling, and only when they are all there is.

export type Keyword = 'stop' | 'start' | 'help'

// 47 CFR 64.1200(a)(10) and CTIA's Messaging Principles. In letters and digits alone: STOP ALL, Stop-all and stopall are one.
const words = new Map<string, Keyword | 'yes'>([
  ...['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT'].map((word) => [word, 'stop'] as const),
  ...['START', 'UNSTOP'].map((word) => [word, 'start'] as const),
  ...['HELP', 'INFO'].map((word) => [word, 'help'] as const),
  ['YES', 'yes']
])

/** The ones of two words; any other gap, as in "c all me", keeps letters from making a keyword. */
const pairs = new Set(['STOP ALL', 'OPT OUT'])

/**
 * Undefined for a text that is more than a keyword. `yes` opts in only someone who was asked: see `answersConsent`.
 * Full-width letters, quotation marks, emoji and invisible characters around the word do not hide it.
 */
export function readKeyword (text: string): Keyword | 'yes' | undefined {
  if (text.length > 200) return undefined
  const spoken = spokenForm(text)
  return words.get(pairs.has(spoken) ? spoken.replace(' ', '') : spoken)
}

/** Letters and digits alone, in upper case, with one space wherever anything else stood between them. */
export function spokenForm (text: string): string {
  return text.normalize('NFKC').replace(/\p{Cf}/gu, '').replace(/[^\p{L}\p{N}]+/gu, ' ').trim().toUpperCase()
}

// How people ask in their own words. Too wide rather than too narrow: it only calls a person, who then decides.
const requests = [
  /\b(stop|quit|cease|no more)\b[^.!?]{0,30}\b(text|texts|texting|messag\w*|sms|contact\w*|send\w*|spam\w*)\b/,
  /\b(do not|don ?t|dont|never)\b[^.!?]{0,15}\b(text|message|contact|send|msg)\b/,
  /\b(take|remove|delete|drop|get)\b[^.!?]{0,10}\b(me|my number|my name|this number)\b[^.!?]{0,15}\b(off|from|out)\b/,
  /\b(remove|delete|unsubscribe|unsubscribed) (me|my number|this number)\b/,
  /\b(unsubscribe|opt (me )?out|opting out|take me off)\b/,
  /\bleave me alone\b/,
  /\bwrong (number|person)\b/,
  /^(please |pls |just )?(stop|quit|cancel|end)( it| this| now| please| pls| already| thanks| thank you)*$/
]

/** Whether a text may ask for no more texts without being a keyword. */
export function asksToStop (text: string): boolean {
  const spoken = text.slice(0, 2_000).normalize('NFKC').toLowerCase().replace(/[’‘'`]/g, ' ').replace(/\s+/g, ' ').replace(/[\s.!?,]+$/, '').trim()
  return requests.some((request) => request.test(spoken))
}
