// A fleet run as it goes: on a terminal a bar for each server with rate and time left, failures above them; elsewhere lines.
import { MultiBar, type SingleBar } from 'cli-progress'
import { type FleetProgress } from '../tenancy/provisioner.js'

export interface FleetDisplay { show: (progress: FleetProgress) => void, end: () => void }

export function fleetDisplay (silent: boolean, say: (line: string) => void): FleetDisplay {
  if (silent) return { show: () => undefined, end: () => undefined }
  return process.stdout.isTTY ? bars() : lines(say)
}

const phases = { spares: 'spares and templates', canary: 'canaries', rest: 'tenants' }

function bars (): FleetDisplay {
  const screen = new MultiBar({
    format: '{phase} on {server} [{bar}] {value}/{total}  {rate}/s  {failed} failed  {eta_formatted} left', barCompleteChar: '=', barIncompleteChar: ' ', hideCursor: true, fps: 5
  })
  const shown = new Map<string, { bar: SingleBar, begun: number }>()
  return {
    show ({ phase, servers, failure }) {
      for (const { server, total, done, failed } of servers) {
        const key = `${phase} ${server}`
        const one = shown.get(key) ?? { bar: screen.create(total, 0, { phase: phases[phase], server, failed, rate: '0' }), begun: performance.now() }
        shown.set(key, one)
        const value = done + failed
        one.bar.update(value, { failed, rate: rateOf(value, one.begun) })
      }
      if (failure !== undefined) screen.log(`  ${failure.tenantId}: ${failure.error}\n`)
    },
    end () { screen.stop() }
  }
}

/** Where there is no terminal: a line at most every five seconds, one at the end of each phase, one for each failure. */
function lines (say: (line: string) => void): FleetDisplay {
  let lastAt = Date.now()
  let begun: { phase: string, at: number } | undefined
  let lastLine = ''
  return {
    show ({ phase, servers, failure }) {
      if (begun?.phase !== phase) begun = { phase, at: performance.now() }
      if (failure !== undefined) say(`  ${failure.tenantId}: ${failure.error}`)
      const sum = (of: 'total' | 'done' | 'failed'): number => servers.reduce((total, server) => total + server[of], 0)
      const [total, done, failed] = [sum('total'), sum('done'), sum('failed')]
      if (total === 0 || (done + failed < total && Date.now() - lastAt < 5_000)) return
      lastAt = Date.now()
      const rate = Number(rateOf(done + failed, begun.at))
      const left = rate > 0 && done + failed < total ? `, ${Math.ceil((total - done - failed) / rate)} s left` : ''
      const line = `${phase === 'canary' ? 'Canaries' : 'Tenants'}: ${done + failed} of ${total}, ${failed} failed, ${rate}/s${left}`
      if (line !== lastLine) say(line)
      lastLine = line
    },
    end: () => undefined
  }
}

function rateOf (done: number, begun: number): string {
  return (done / Math.max(0.001, (performance.now() - begun) / 1_000)).toFixed(1)
}
