// Before anything is taken from the outbox: puts off what would leave at night, and drops what is too late for its deadline.
import { type Services } from '../../services.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { planDeparture, readDaytimeRules } from '../quiet-hours/departures.js'
import { dropLate, findQuiet, putOff } from './departure-queries.js'

/** Nothing is lost: what is put off has its next window, and what is dropped is listed as cancelled. @returns how many of each */
export async function keepToDaytime ({ config, clock }: Pick<Services, 'config' | 'clock'>, db: TenantDb): Promise<{ deferred: number, dropped: number }> {
  const now = clock.now()
  const quiet = await findQuiet(db, now)
  let deferred = 0
  if (quiet.length > 0) {
    const rules = await readDaytimeRules(db, config)
    deferred = await putOff(db, now, quiet.map((place) => planDeparture(place, now, rules)))
  }
  return { deferred, dropped: await dropLate(db, now, config.SEND_RECOVERY_MS) }
}
