// The faults a tester can switch on, and the dice that decide which message meets one.
import Type, { type Static } from 'typebox'

const rate = Type.Number({ minimum: 0, maximum: 1 })

/** What PUT /sandbox/faults takes. Rates run from 0 (never) to 1 (always); what is left out is switched off. */
export const faultsSchema = Type.Object({
  /** Milliseconds between a send being accepted (or refused) and its answer. */
  latencyMs: Type.Optional(Type.Number({ minimum: 0, maximum: 600_000 })),
  /** Refused with HTTP 429 before it is accepted. */
  reject429: Type.Optional(rate),
  /** Every text from these numbers is refused with HTTP 429. */
  reject429From: Type.Optional(Type.Array(Type.String(), { maxItems: 1_000 })),
  /** Refused with HTTP 500 or 503 before it is accepted. */
  reject5xx: Type.Optional(rate),
  /** Accepted, but the connection is reset instead of answered. */
  resetAfterAccept: Type.Optional(rate),
  /** An event is never posted. */
  loseWebhook: Type.Optional(rate),
  /** An event is posted twice, under the same id. */
  duplicateWebhook: Type.Optional(rate),
  /** An event is held back, so that later ones overtake it. */
  shuffleWebhooks: Type.Optional(rate),
  /** Makes the dice repeatable. */
  seed: Type.Optional(Type.Integer({ minimum: 0 }))
}, { additionalProperties: false })
export type FaultSettings = Static<typeof faultsSchema>

export type FaultRate = Exclude<keyof FaultSettings, 'latencyMs' | 'reject429From' | 'seed'>

type AllFaults = Record<FaultRate | 'latencyMs', number> & { reject429From: readonly string[], seed?: number }

const none = {
  latencyMs: 0, reject429: 0, reject429From: [], reject5xx: 0, resetAfterAccept: 0, loseWebhook: 0, duplicateWebhook: 0, shuffleWebhooks: 0
} satisfies AllFaults

export class Faults {
  #settings: AllFaults = none
  #random: () => number = Math.random

  get settings (): AllFaults {
    return this.#settings
  }

  set (settings: FaultSettings): void {
    this.#settings = { ...none, ...settings }
    this.#random = settings.seed === undefined ? Math.random : mulberry32(settings.seed)
  }

  /** Whether this message or event meets the fault. The dice are not thrown for a fault that is off. */
  strikes (fault: FaultRate): boolean {
    const chance = this.#settings[fault]
    return chance > 0 && this.#random() < chance
  }

  /** A random whole number from 0 up to, without, `below`. */
  pick (below: number): number {
    return Math.floor(this.#random() * below)
  }
}

/** A small generator with a 32-bit state (Tommy Ettinger, public domain): good enough for dice. */
function mulberry32 (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
