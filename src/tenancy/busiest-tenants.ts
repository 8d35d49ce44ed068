// The tenants that ask, wait or hold the most in this process: looked for when somebody asks, at no cost until then.
import { type TenantFigures, type TenantPool } from './tenant-pool.js'

export const measures = ['requests', 'waits', 'connections'] as const
export type Measure = typeof measures[number]

const amountOf: Readonly<Record<Measure, (figures: TenantFigures) => number>> = {
  requests: ({ requestsPerSecond }) => requestsPerSecond,
  waits: ({ waiting, waitsPerSecond, meanWaitMs }) => waiting + waitsPerSecond * meanWaitMs / 1_000,
  connections: ({ connections }) => connections
}

/** The first `most`, those with the most first, of all that did anything lately. By `waits`: by how many stand in line at a time. */
export function busiest (pools: Iterable<TenantPool>, by: Measure, most: number): TenantFigures[] {
  return rank([...pools].map((pool) => pool.figures()), by, most)
}

export function rank<Figures extends TenantFigures> (all: Figures[], by: Measure, most: number): Figures[] {
  const amount = amountOf[by]
  return all
    .filter((each) => each.connections > 0 || each.waiting > 0 || each.requestsPerSecond >= 0.01)
    .sort((a, b) => amount(b) - amount(a) || b.requestsPerSecond - a.requestsPerSecond || (a.tenantId < b.tenantId ? -1 : 1))
    .slice(0, most)
}
