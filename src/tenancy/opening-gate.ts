// What may forbid the budget to open a connection: the server's breaker, or nothing.

/** Decides whether opening is worth trying. */
export interface OpeningGate {
  /** Why a request that needs a new connection is refused now; undefined when it may wait for one. */
  refusal (): Error | undefined
  /** Asked before each opening; true commits to report `opened` or `failed` for it. */
  mayOpen (): boolean
  opened (): void
  failed (error: Error): void
}

export const alwaysOpen: OpeningGate = { refusal: () => undefined, mayOpen: () => true, opened: () => undefined, failed: () => undefined }
