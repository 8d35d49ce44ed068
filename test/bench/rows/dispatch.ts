// A broadcast on its way to the carrier through our real worker, beside an undici loop that posts the same bodies and writes nothing.
import { type ChildProcess } from 'node:child_process'
import { type Bench, inPairs, type Row } from '../bench.js'
import { residentMegabytes, stopChild } from '../child.js'
import { type Finding } from '../finding.js'
import { startKoinonia } from '../koinonia.js'
import { openBroadcasts, type Broadcasts } from '../broadcasts.js'

export const dispatch: Row = { name: 'dispatch', about: 'dispatch of a broadcast, 64 in flight, to a carrier that answers at once and after 30 ms; beside an undici loop that writes nothing; memory over --texts', run }

const inFlight = 64
const textsAPair = 10_000

/** How long the carrier takes to answer, and what ratio of messages/s to reach then. */
const carriers = [{ answerMs: 0, atLeast: 0.5 }, { answerMs: 30, atLeast: 0.95 }]

async function run (bench: Bench): Promise<Finding[]> {
  const texts = Math.min(textsAPair, bench.texts)
  const broadcasts = await openBroadcasts(bench, { texts, inFlight, startKoinonia: (settings) => startKoinonia(bench, { settings }) })
  const worker = broadcasts.startWorker()
  const findings: Finding[] = []
  for (const { answerMs, atLeast } of carriers) {
    const { ours, theirs } = await inPairs(bench, () => broadcasts.send(answerMs), () => broadcasts.postBare(answerMs),
      ({ perSecond, bytes }) => `${Math.round(perSecond)}/s of ${Math.round(bytes)} bytes`)
    if (ours.some(({ bytes }, pair) => bytes !== theirs[pair]?.bytes)) throw new Error('The two sides did not post as many bytes')
    findings.push({
      row: 'dispatch',
      work: `${texts} texts, a carrier that answers ${answerMs === 0 ? 'at once' : `in ${answerMs} ms`}`,
      against: 'an undici loop that writes nothing',
      unit: 'messages/s',
      ours: ours.map(({ perSecond }) => perSecond),
      theirs: theirs.map(({ perSecond }) => perSecond),
      goal: { atLeast },
      notes: ['ours: from the queue\'s commit or the first text, whichever is seen first, until the message counts as sent and every result is written']
    })
  }
  await stopChild(worker)
  return [...findings, await watchMemory(bench, broadcasts)]
}

/** One long broadcast by a worker that has just started; resident memory at a tenth, at half and at the end. */
async function watchMemory (bench: Bench, broadcasts: Broadcasts): Promise<Finding> {
  await broadcasts.growTo(bench.texts)
  const worker: ChildProcess = broadcasts.startWorker()
  const marks = [0.1, 0.5, 1].map((share) => Math.round(share * bench.texts))
  const seen: Array<{ texts: number, megabytes: number }> = []
  const { perSecond } = await broadcasts.send(0, (texts) => {
    if (texts >= (marks[seen.length] ?? Infinity)) seen.push({ texts, megabytes: residentMegabytes(worker) })
  })
  const figures = seen.map(({ megabytes }) => megabytes)
  return {
    row: 'dispatch',
    work: `resident memory of the worker, ${bench.texts} texts`,
    against: `the same at ${marks[0] ?? 0}`,
    unit: 'MB',
    ours: figures.slice(-1),
    theirs: figures.slice(0, 1),
    goal: { atMost: 1.2 },
    notes: [`${seen.map(({ texts, megabytes }) => `${megabytes.toFixed(0)} MB at ${texts}`).join(', ')}; ${Math.round(perSecond)} messages/s; one broadcast, not ${bench.runs}`]
  }
}
