// When a text may leave for a person: at once or at a wall time of theirs, and in their daytime.
import { type Config } from '../../config.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { toInstant, type WallTime } from '../../wall-time.js'
import { placesOfMembers, readOwnHours } from './queries.js'
import { type Hours } from './rules.js'
import { nextWindow, type Place, type Window } from './windows.js'

export interface Departure extends Place {
  /** Null: at once. */
  notBefore: Date | null
  /** Whatever waits still then is put off to the next window; null: it goes at any hour. */
  quietFrom: Date | null
  /** Quiet hours put it off. */
  deferred: boolean
}

/** What decides over departures besides the person. */
export interface DaytimeRules {
  /** The organization's; null: those of the law alone. */
  own: Hours | null
  /** False where no real person is texted: see QUIET_HOURS. */
  kept: boolean
  /** What a worker has taken may be so long on its way: nothing is taken so shortly before the quiet. */
  marginMs: number
}

type Settings = Pick<Config, 'QUIET_HOURS' | 'SEND_RECOVERY_MS'>

export async function readDaytimeRules (db: TenantDb, config: Settings): Promise<DaytimeRules> {
  const kept = config.QUIET_HOURS !== 'ignored'
  return { kept, own: kept ? await readOwnHours(db) : null, marginMs: config.SEND_RECOVERY_MS }
}

/** `local`: the time on the person's own clocks at which it leaves; one that is past already is now. */
export function planDeparture (place: Place, now: Date, rules: DaytimeRules, local: WallTime | null = null): Departure {
  const wanted = local === null ? now : toInstant(local, place.timeZone)
  const earliest = wanted > now ? wanted : now
  if (!rules.kept) return { ...place, notBefore: earliest > now ? earliest : null, quietFrom: null, deferred: false }
  const { opens, quietFrom } = usefulWindow(earliest, place, rules)
  const leaves = opens > earliest ? opens : earliest
  return { ...place, notBefore: leaves > now ? leaves : null, quietFrom, deferred: leaves > earliest }
}

/** One for everybody where nobody's clocks make a difference; else one for each place that members live in. The first is for whoever fits none. */
export async function planDepartures (db: TenantDb, organizationZone: string, now: Date, rules: DaytimeRules, local: WallTime | null): Promise<[Departure, ...Departure[]]> {
  const home = planDeparture({ timeZone: organizationZone, region: null }, now, rules, local)
  if (!rules.kept && local === null) return [home]
  const places = await placesOfMembers(db, organizationZone)
  return [home, ...places.map((place) => planDeparture(place, now, rules, local))]
}

function usefulWindow (time: Date, place: Place, { own, marginMs }: DaytimeRules): { opens: Date, quietFrom: Date } {
  const ending = ({ opens, closes }: Window) => ({ opens, quietFrom: new Date(closes.getTime() - marginMs) })
  const window = nextWindow(time, place, own)
  return time < ending(window).quietFrom ? ending(window) : ending(nextWindow(window.closes, place, own))
}
