// A bar for what goes through many databases, on a terminal alone: where a program reads, nothing is shown.
import { SingleBar } from 'cli-progress'

export interface DatabasesBar { onProgress: (done: number, total: number) => void, stop: () => void }

export function databasesBar (doing: string, silent: boolean): DatabasesBar {
  if (silent || !process.stdout.isTTY) return { onProgress: () => undefined, stop: () => undefined }
  const bar = new SingleBar({ format: `${doing} [{bar}] {value}/{total}  {eta_formatted} left`, barCompleteChar: '=', barIncompleteChar: ' ', hideCursor: true, clearOnComplete: true, fps: 5 })
  let shown = false
  return {
    onProgress (done, total) {
      if (shown) bar.update(done)
      else bar.start(total, done)
      shown = true
    },
    stop () { bar.stop() }
  }
}
