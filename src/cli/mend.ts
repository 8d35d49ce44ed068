// Does what the doctor found safe to do: all of it named first, then one after another, each noted as an operator's act.
import { type Fix, messageOf } from './check.js'
import { type Operator } from './operator.js'
import { audited } from './operator-audit.js'

export interface Fixed { what: string, done: boolean, error?: string }

/** A repair that fails does not keep the others from being done. `say` hears a line for each thing. */
export async function mend (operator: Operator, fixes: readonly Fix[], say: (line: string) => void): Promise<Fixed[]> {
  say(`To be done:\n${fixes.map(({ what }) => `  ${what}`).join('\n')}`)
  const results: Fixed[] = []
  for (const { what, subject, run } of fixes) {
    try {
      await audited(operator, { action: 'doctor.fix', ...(subject === undefined ? {} : { subject }), run })
      say(`✔ ${what}`)
      results.push({ what, done: true })
    } catch (error) {
      say(`✘ ${what}: ${messageOf(error)}`)
      results.push({ what, done: false, error: messageOf(error) })
    }
  }
  return results
}
