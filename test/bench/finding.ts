// What a row found: paired figures of the work and of what it is compared with, and how they stand to the goal.

export type Goal = ({ atLeast: number } | { atMost: number }) & {
  /** Of our own worst figure, although there is another's beside it. */
  alone?: true
  /** A promise, not a wish: a run that breaks it fails. */
  promised?: true
}

export interface Finding {
  row: string
  /** What was measured. */
  work: string
  /** What it is compared with; undefined for a figure that stands alone. */
  against?: string
  unit: string
  /** One figure a run; `theirs` of the same run right after it. */
  ours: number[]
  theirs?: number[]
  /** On the median ratio ours / theirs, or on the worst figure when there is nothing to compare with or it is to stand alone. */
  goal?: Goal
  /** What a reader should know to judge the figures. */
  notes: string[]
}

export interface Skipped { row: string, skipped: string }

export interface Spread { median: number, least: number, most: number }

export interface Judgement { ours: Spread, theirs?: Spread, ratio?: Spread, reached?: boolean }

export function judge ({ ours, theirs, goal }: Finding): Judgement {
  const ratio = theirs === undefined ? undefined : spreadOf(theirs.map((their, run) => (ours[run] ?? NaN) / their))
  const judgement: Judgement = { ours: spreadOf(ours) }
  if (theirs !== undefined) judgement.theirs = spreadOf(theirs)
  if (ratio !== undefined) judgement.ratio = ratio
  if (goal !== undefined) {
    const worst = 'atLeast' in goal ? judgement.ours.least : judgement.ours.most
    const figure = goal.alone === true ? worst : ratio?.median ?? worst
    judgement.reached = 'atLeast' in goal ? figure >= goal.atLeast : figure <= goal.atMost
  }
  return judgement
}

export function spreadOf (figures: readonly number[]): Spread {
  return { median: quantile(figures, 0.5), least: Math.min(...figures), most: Math.max(...figures) }
}

/** Linear between neighbours; NaN of nothing. */
export function quantile (figures: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(figures).sort()
  if (sorted.length === 0) return NaN
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? NaN
  const above = sorted[Math.ceil(place)] ?? NaN
  return below + (above - below) * (place - Math.floor(place))
}
