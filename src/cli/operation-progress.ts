// How far an operation is, for whoever waits at the command line: a bar on a terminal, else a line for each step.
import { SingleBar } from 'cli-progress'
import { type Progress } from '../tenancy/lifecycle/operations.js'

export interface ProgressDisplay { show: (progress: Progress) => void, end: () => void }

/** On standard error, so that standard output is the command's answer alone. */
export function operationProgress (kind: string, quiet: boolean): ProgressDisplay {
  if (quiet) return { show: () => undefined, end: () => undefined }
  return process.stderr.isTTY ? bar(kind) : lines(kind)
}

function bar (kind: string): ProgressDisplay {
  const shown = new SingleBar({ format: `${kind} [{bar}] {percentage} %  {step}`, barCompleteChar: '=', barIncompleteChar: ' ', hideCursor: true, stream: process.stderr })
  let started = false
  return {
    show (progress) {
      // A step that counts nothing shows its name beside an empty bar.
      const [value, total] = progress.total === 0 ? [0, 1] : [progress.done, progress.total]
      if (!started) shown.start(total, value, { step: nameOf(progress) })
      started = true
      shown.setTotal(total)
      shown.update(value, { step: nameOf(progress) })
    },
    end () { if (started) shown.stop() }
  }
}

function lines (kind: string): ProgressDisplay {
  let last = ''
  return {
    show (progress) {
      const name = nameOf(progress)
      if (name !== last) console.error(`${kind}: ${name}`)
      last = name
    },
    end: () => undefined
  }
}

const nameOf = ({ step, undoing }: Progress): string => `${undoing ? 'taking back: ' : ''}${step.replaceAll('-', ' ')}`
