// What the latencies of one measurement come to.
import { quantile } from '../finding.js'
import { type LoadReport } from './targets.js'

/** `times`: milliseconds of each answer, by group; `ms`: over how long; `total`: answers, if some are not counted. */
export function summarize (times: Map<string, number[]>, refused: Record<string, number>, ms: number, generatorCpu: number, total?: number): LoadReport {
  const all = [...times.values()].flat()
  const latency = Object.fromEntries([...times, ['all', all] as const].map(([group, list]) =>
    [group, { p50: quantile(list, 0.5), p95: quantile(list, 0.95), p99: quantile(list, 0.99), count: list.length }]))
  return { perSecond: all.length / ms * 1000, answered: all.length, all: total ?? all.length, refused, latency, generatorCpu }
}
