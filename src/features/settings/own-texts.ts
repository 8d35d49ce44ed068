// The texts an organization sends by itself: each begins with its name, and says what the carriers' rules (CTIA Messaging Principles, 5.1) ask of it.

export const defaultWelcome = 'You are signed up for our news and reminders. Message frequency varies. Msg & data rates may apply. Reply HELP for help, STOP to opt out.'
export const defaultHelp = 'Reply to this number and our team will read it. Msg & data rates may apply. Reply STOP to opt out.'

const longestName = 40

/** With the organization's name in front, so that no text can lack it. */
export function signed (organization: string, text: string): string {
  return `${Array.from(organization).slice(0, longestName).join('').trim()}: ${text}`
}

const rates = { pattern: /\b(msg|message)s?\.? ?(&|and) ?data rates\b/i, name: '"Msg & data rates may apply"' }
const help = { pattern: /\bHELP\b/, name: 'HELP in capitals' }
const stop = { pattern: /\bSTOP\b/, name: 'STOP in capitals' }

/** What confirms an opt-in says what it costs, how to get help and how to end it; what helps, how to end it. */
const requiredWording = { optIn: [rates, help, stop], help: [rates, stop], answer: [] } as const

export type Purpose = keyof typeof requiredWording

/** Why the text can't be sent by itself; undefined when it can. */
export function wordingFault (text: string, purpose: Purpose): string | undefined {
  if (text.includes('{{')) return 'must be the text as it is sent: variables are not filled in here'
  const missing = requiredWording[purpose].filter(({ pattern }) => !pattern.test(text)).map(({ name }) => name)
  return missing.length === 0 ? undefined : `must contain ${missing.join(', ')}`
}
