// Which passwords are accepted (NIST SP 800-63B, 3.1.1.2): length and a list of what is guessed first; no rules on kinds of characters.
import { problem } from '../../errors.js'

export const shortestPassword = 10
export const longestPassword = 200

/** What guessers try first among those long enough; compared without case, digits and signs at the end. */
const wellKnown = new Set([
  'abc', 'admin', 'administrator', 'asdfghjkl', 'baseball', 'blessed', 'changeme', 'changemenow', 'church', 'dragon', 'fitness', 'football', 'hallelujah',
  'iloveyou', 'iloveyoujesus', 'ilovejesus', 'jesus', 'jesuschrist', 'jesuslovesme', 'koinonia', 'letmein', 'letmeinplease', 'master', 'monkey', 'password',
  'passwordpassword', 'princess', 'qazwsxedc', 'qwerty', 'qwertyuiop', 'qwertyuiopasdfghjkl', 'secret', 'starwars', 'sunshine', 'superman', 'test', 'testtest',
  'trustno', 'welcome', 'welcometo', 'zaqxswcde'
])

/** The form that is hashed: the same password typed on different keyboards must stay the same (NFKC). */
export function normalizePassword (password: string): string {
  return password.normalize('NFKC')
}

/** `personal`: what the account itself gives away, such as the e-mail and names. @throws Problem VALIDATION_FAILED on /body/password */
export function refuseWeakPassword (password: string, personal: string[]): void {
  const plain = normalizePassword(password).toLowerCase()
  const weak = new Set(plain).size < 4 || isRun(plain) || wellKnown.has(plain.replace(/[^\p{L}]+$/u, '')) ||
    personal.some((word) => isMostly(plain, word.trim().toLowerCase()))
  if (weak) {
    throw problem('VALIDATION_FAILED', {
      errors: [{ path: '/body/password', message: 'is one of the first that would be guessed: choose a longer phrase of words that do not belong to your name, e-mail or organization' }]
    })
  }
}

/** `1234567890`, `abcdefghij` and the like, up or down. */
function isRun (text: string): boolean {
  const points = Array.from(text, (character) => character.codePointAt(0) ?? 0)
  const steps = points.slice(1).map((point, index) => point - (points[index] ?? 0))
  return steps.every((step) => step === 1 || step === -9) || steps.every((step) => step === -1 || step === 9)
}

/** The word itself, perhaps with a few digits or signs around it. */
function isMostly (text: string, word: string): boolean {
  return word.length >= 3 && text.replace(word, '').replace(/[^\p{L}]/gu, '') === '' && text.includes(word)
}
