// Watches texts whose fate is unknown until the carrier reports it, or until they have been unknown so long that a person must decide.
import { Type } from 'typebox'
import { type Config } from '../../config.js'
import { type Services } from '../../services.js'

/** What the job is called and carries; jobs.ts says what it does. */
export const collectJobShape = { name: 'dead-letters.collect', schema: Type.Object({ tenantId: Type.String() }, { additionalProperties: false }) }

const hourMs = 3_600_000
const deputyMs = 10 * 60_000
/** A look that comes at once could come before the commit that it is for. */
const leastMs = 4_000

export function deadLetterAfterHours ({ DEAD_LETTER_AFTER_HOURS: hours = 24 }: Pick<Config, 'DEAD_LETTER_AFTER_HOURS'>): number {
  return hours
}

/**
 * A look in DEAD_LETTER_AFTER_HOURS at what is unknown then. Call it before the transaction that makes a text unknown: a crash
 * between the two loses nothing. A look that is planned already keeps its time.
 */
export async function planCollection (services: Pick<Services, 'jobs' | 'config' | 'clock'>, tenantId: string, inMs = Math.max(deadLetterAfterHours(services.config) * hourMs, leastMs)): Promise<void> {
  const time = services.clock.now().getTime() + inMs
  // With a deputy: a worker that dies just after it took the one keeps it locked for hours.
  await Promise.all([['', 0] as const, [':deputy', deputyMs] as const].map(async ([suffix, laterMs]) => {
    await services.jobs.enqueue(collectJobShape, { tenantId }, { key: `dead-letters:${tenantId}${suffix}`, runAt: new Date(time + laterMs), keepTime: true })
  }))
}

export { insertWatched as watchUnknown, closeTexts as settleTexts } from './queries.js'
