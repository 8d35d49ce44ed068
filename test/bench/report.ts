// Findings for people: one line each, then what is worth knowing about them.
import { type Finding, type Goal, judge, type Skipped, type Spread } from './finding.js'

export function printTable (findings: ReadonlyArray<Finding | Skipped>): void {
  const lines = findings.map((finding) => 'skipped' in finding
    ? [finding.row, `skipped: ${finding.skipped}`]
    : describe(finding))
  const header = ['row', 'work', 'Koinonia', 'against', 'theirs', 'ratio (least–most)', 'goal', 'reached']
  const widths = header.map((title, column) => Math.max(title.length, ...lines.filter(({ length }) => length > 2).map((line) => line[column]?.length ?? 0)))
  for (const line of [header, ...lines]) {
    console.log(line.map((cell, column) => cell.padEnd(line.length > 2 ? widths[column] ?? 0 : widths[0] ?? 0)).join('  ').trimEnd())
  }
  const notes = findings.flatMap((finding) => 'skipped' in finding ? [] : finding.notes.map((note) => `${finding.row} · ${finding.work}: ${note}`))
  if (notes.length > 0) console.log(`\n${notes.join('\n')}`)
}

/** Findings that break what is promised, one line each. */
export function brokenPromises (findings: ReadonlyArray<Finding | Skipped>): string[] {
  return findings.flatMap((finding) => {
    if ('skipped' in finding || finding.goal?.promised !== true || judge(finding).reached === true) return []
    return [`FAILED ${finding.row}: ${finding.work} must be ${goal(finding.goal)}, and was ${spread(judge(finding).ours)}`]
  })
}

/** The same with the judgements, for programs. */
export function asJson (findings: ReadonlyArray<Finding | Skipped>): string {
  return JSON.stringify(findings.map((finding) => 'skipped' in finding ? finding : { ...finding, ...{ judgement: judge(finding) } }), null, 2)
}

function describe (finding: Finding): string[] {
  const { ours, theirs, ratio, reached } = judge(finding)
  return [
    finding.row,
    finding.work,
    `${figure(ours.median)} ${finding.unit}`,
    finding.against ?? '',
    theirs === undefined ? spread(ours) : figure(theirs.median),
    ratio === undefined ? '' : `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)}–${ratio.most.toFixed(2)})`,
    finding.goal === undefined ? '' : goal(finding.goal),
    reached === undefined ? '' : reached ? 'yes' : 'no'
  ]
}

const spread = ({ least, most }: Spread) => `${figure(least)}–${figure(most)}`
const goal = (wanted: Goal) => ('atLeast' in wanted ? `≥ ${wanted.atLeast}` : `≤ ${wanted.atMost}`) + (wanted.alone === true ? ' itself' : '')
const figure = (value: number) => value >= 100 ? String(Math.round(value)) : value.toFixed(1)
