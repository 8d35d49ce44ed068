// What a load generator is told, and what it tells.

/** At the start of each measurement nothing is counted: what opening the connections costs is not the server's speed. */
export const rampSeconds = 0.25

export interface Target {
  path: string
  headers: Record<string, string>
  /** Latencies are kept apart by group, such as hot and cold. */
  group: string
}

export interface LoadOrder {
  url: string
  method?: 'GET' | 'POST' | 'PATCH'
  body?: string
  connections: number
  seconds: number
  targets: Target[]
  /** How often each target is asked: all alike, or by Zipf's law with this exponent, the first the most. */
  zipf?: number
}

/** Delivery events of the carrier, each signed and with an id of its own. */
export interface WebhookOrder { url: string, connections: number, seconds: number }

/** One request at a time, `everyMs` apart, by a caller who is not in a hurry. */
export interface ProbeOrder { url: string, everyMs: number, seconds: number, target: Target }

export interface LoadReport {
  perSecond: number
  answered: number
  /** All answers, those of the ramp and refusals included: what the whole measurement's processor time was spent on. */
  all: number
  /** Answers other than 2xx by status, and connections that failed. */
  refused: Record<string, number>
  /** Milliseconds by group; `all` is over all of them. */
  latency: Record<string, { p50: number, p95: number, p99: number, count: number }>
  /** Share of one core that the generator itself used. */
  generatorCpu: number
}
