// Sign-up with a spare, beside the same password hash alone: one after another, eight at once, and a burst of fifty.
import { setTimeout as pause } from 'node:timers/promises'
import { type Bench, inPairs, type Row } from '../bench.js'
import { compiled, forkReady, stopChild } from '../child.js'
import { type Finding, quantile } from '../finding.js'
import { type Koinonia, newSignUp, startKoinonia } from '../koinonia.js'

export const signUp: Row = { name: 'sign-up', about: 'sign-up with a spare at hand, alone, 8 and 50 at once; beside the same password hash alone', run }

const atOnce = 8
const burst = 50
const inARow = 6

async function run (bench: Bench): Promise<Finding[]> {
  const koinonia = await startKoinonia(bench, { spares: burst })
  const { child } = await forkReady(compiled('servers/hashes.js'), {})
  bench.defer(() => stopChild(child))
  const hash = (together: number) => new Promise<number>((resolve) => {
    child.once('message', (ms: number) => { resolve(ms) })
    child.send({ together })
  })
  const findings: Finding[] = []
  for (const together of [1, atOnce, burst]) {
    const rounds = together === 1 ? inARow : together === burst ? 1 : 3
    const { ours, theirs } = await inPairs(bench,
      () => medianOf(rounds, () => signUpTogether(koinonia, together), () => prepareSpares(koinonia, together)),
      () => medianOf(rounds, () => hash(together)), (ms) => `${ms.toFixed(1)} ms`)
    findings.push({
      row: 'sign-up',
      work: together === 1 ? 'sign-up with a spare' : `${together} sign-ups at once, all of them`,
      against: together === 1 ? 'the password hash alone' : `${together} hashes at once`,
      unit: 'ms',
      ours,
      theirs,
      ...(together === burst ? {} : { goal: { atMost: 1.15 } }),
      notes: [rounds === 1 ? `${burst} spares stood ready` : `each run is the median of ${rounds}`]
    })
  }
  return findings
}

async function medianOf (rounds: number, measure: () => Promise<number>, prepare?: () => Promise<void>): Promise<number> {
  const times: number[] = []
  while (times.length < rounds) {
    await prepare?.()
    times.push(await measure())
  }
  return quantile(times, 0.5)
}

async function signUpTogether ({ post }: Koinonia, together: number): Promise<number> {
  const bodies = Array.from({ length: together }, newSignUp)
  const begin = performance.now()
  await Promise.all(bodies.map((body) => post('/api/auth/register', body)))
  return performance.now() - begin
}

/** The server hears of the new ones and opens connections to them, which is over before the measurement begins. */
async function prepareSpares ({ fillSpares }: Koinonia, spares: number): Promise<void> {
  await fillSpares(Math.max(spares, atOnce))
  await pause(500)
}
