// Runs the test files, each in a process of its own, several at a time, those that may take long first. tap's own runner puts
// module hooks into every process that a test starts, which doubles what most of them cost.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, sep } from 'node:path'
import { parseArgs } from 'node:util'

const folder = import.meta.dirname
/** For a file that says nothing of its own with t.setTimeout. */
const usualLimitMs = 300_000
/** A test that is over its limit says so itself; this is for a process that no longer does anything. */
const graceMs = 30_000

const kinds = ['total', 'pass', 'fail', 'skip', 'todo'] as const
type Counts = Record<typeof kinds[number], number>

interface Job { name: string, command: string, args: string[], limitMs: number, rank: number }
interface Outcome { name: string, ok: boolean, counts: Counts, output: string, seconds: number }

/** `words`: parts of names, of which a file's must have one; none means every file. */
function testFiles (words: string[]): Job[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js'))
    .map((file) => ({ path: join(folder, file), name: relative(process.cwd(), join(folder, file)).split(sep).join('/') }))
    .filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
    .map(({ path, name }) => {
      const said = [...readFileSync(path, 'utf8').matchAll(/^t\.setTimeout\(([\d_]+)\)/gm)].map(([, ms = '']) => Number(ms.replaceAll('_', '')))
      return { name, command: process.execPath, args: ['--enable-source-maps', path], limitMs: Math.max(usualLimitMs, ...said), rank: said[0] ?? 0 }
    })
    .sort((one, other) => other.rank - one.rank || (one.name < other.name ? -1 : 1))
}

const shellJob = (command: string): Job => ({ name: command, command: 'sh', args: ['-c', command], limitMs: usualLimitMs * 2, rank: Infinity })

async function run ({ name, command, args, limitMs }: Job): Promise<Outcome> {
  const began = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TAP_TIMEOUT: String(limitMs / 1_000) } })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (said: string) => { output += said })
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs + graceMs)
  const failure = await new Promise<string | undefined>((resolve) => {
    child.once('error', ({ message }) => { resolve(message) })
    const end = (code: number | null, signal: string | null): void => { resolve(code === 0 ? undefined : `ended with ${signal ?? String(code)}`) }
    child.once('close', end)
    // What a test started and left running may hold its output open for ever.
    child.once('exit', (...how) => setTimeout(end, 2_000, ...how).unref())
  })
  clearTimeout(timer)
  child.stdout.destroy()
  const counts = countsOf(output)
  // A program that is no test counts as one; a test file that has not come to its end is a failure, whatever it said before.
  const unheard = command === process.execPath ? 'ended before it had counted its tests' : undefined
  const reason = failure ?? (counts === undefined ? unheard : undefined)
  return {
    name,
    ok: reason === undefined,
    counts: withFailure(counts ?? { total: 1, pass: 1, fail: 0, skip: 0, todo: 0 }, reason),
    output: reason === undefined ? output : `${output}# ${reason}\n`,
    seconds: (performance.now() - began) / 1_000
  }
}

/** What tap says last: `# { total: 3, pass: 2, fail: 1 }`. */
function countsOf (output: string): Counts | undefined {
  const last = [...output.matchAll(/^# (\{ total: .*\})$/gm)].at(-1)?.[1]
  if (last === undefined) return undefined
  const count = (kind: string): number => Number(new RegExp(` ${kind}: (\\d+)`).exec(last)?.[1] ?? 0)
  return { total: count('total'), pass: count('pass'), fail: count('fail'), skip: count('skip'), todo: count('todo') }
}

/** Whoever failed has at least one failure. */
function withFailure (counts: Counts, reason: string | undefined): Counts {
  if (reason === undefined || counts.fail > 0) return counts
  return { ...counts, pass: Math.max(0, counts.pass - 1), fail: 1 }
}

function tell ({ name, ok, output, seconds }: Outcome): void {
  // Of what passed only the sentences; of what failed everything.
  const lines = ok ? output.split('\n').filter((line) => /^(?:ok|not ok) /.test(line)) : output.split('\n')
  console.log([`${ok ? 'ok' : 'not ok'} - ${name} # ${seconds.toFixed(1)} s`, ...lines.map((line) => `    ${line}`)].join('\n'))
}

const { values: { also, jobs }, positionals } = parseArgs({
  allowPositionals: true,
  options: { also: { type: 'string', multiple: true, default: [] }, jobs: { type: 'string', default: String(availableParallelism() + 1) } }
})
const waiting = [...also.map(shellJob), ...testFiles(positionals)]
const outcomes: Outcome[] = []
const worker = async (): Promise<void> => {
  for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
    const outcome = await run(job)
    outcomes.push(outcome)
    tell(outcome)
  }
}
await Promise.all(Array.from({ length: Number(jobs) }, worker))

const failed = outcomes.filter(({ ok }) => !ok)
if (failed.length > 0) console.log(`\nFailed:\n${failed.map(({ name }) => `  ${name}`).join('\n')}`)
const sum = (kind: keyof Counts): number => outcomes.reduce((total, { counts }) => total + counts[kind], 0)
console.log(`\n# { ${kinds.filter((kind) => kind === 'total' || kind === 'pass' || sum(kind) > 0).map((kind) => `${kind}: ${sum(kind)}`).join(', ')} }`)
if (failed.length > 0 || outcomes.length === 0) process.exitCode = 1
