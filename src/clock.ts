// The time, as something passed in: tests turn it, the rest of the code never asks the system.

export interface Clock {
  now: () => Date
}

export const systemClock: Clock = { now: () => new Date() }
