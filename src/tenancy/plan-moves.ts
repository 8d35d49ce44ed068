// Which tenants move where, so that servers that take nobody become empty and the others equally full.

export interface Occupancy {
  name: string
  /** Takes tenants. */
  open: boolean
  maxTenants: number
  /** All that count, those that can't be moved just now too. */
  tenants: number
  /** Ids of those that can be moved, in the order in which they go. */
  movable: readonly string[]
}

export interface Move { tenant: string, from: string, to: string }

interface Place { server: Occupancy, count: number, movable: string[] }

const fullness = ({ count, server }: Place, more = 0): number => (count + more) / server.maxTenants

/** At most so many moves, each tenant once; no server gets more than it may have. */
export function planMoves (servers: readonly Occupancy[], most = Infinity): Move[] {
  const places = servers.map((server): Place => ({ server, count: server.tenants, movable: [...server.movable] }))
  const moves: Move[] = []
  while (moves.length < most) {
    const next = chooseMove(places)
    if (next === undefined) return moves
    const tenant = next.from.movable.shift()
    if (tenant === undefined) return moves
    next.from.count--
    next.to.count++
    moves.push({ tenant, from: next.from.server.name, to: next.to.server.name })
  }
  return moves
}

function chooseMove (places: readonly Place[]): { from: Place, to: Place } | undefined {
  const to = leastFull(places.filter((place) => place.server.open && place.count < place.server.maxTenants))
  if (to === undefined) return undefined
  const leaving = places.find(({ server, movable }) => !server.open && movable.length > 0)
  if (leaving !== undefined) return { from: leaving, to }
  const from = fullest(places.filter((place) => place !== to && place.movable.length > 0))
  // A move that only swaps who is fuller is none.
  return from !== undefined && fullness(to, 1) < fullness(from) ? { from, to } : undefined
}

function leastFull (places: readonly Place[]): Place | undefined {
  // By how full it would be: a small server fills up with one.
  return places.reduce<Place | undefined>((best, place) => best === undefined || fullness(place, 1) < fullness(best, 1) ? place : best, undefined)
}

function fullest (places: readonly Place[]): Place | undefined {
  return places.reduce<Place | undefined>((best, place) => best === undefined || fullness(place) > fullness(best) ? place : best, undefined)
}
