// Stops a server: politely first, then at once.
import { type Binaries } from './binaries.js'
import { EmbeddedPostgresError } from './failure.js'
import { type Place } from './place.js'
import { isAlive, readPostmasterFile } from './postmaster-file.js'
import { runProgram } from './run-program.js'

/** Ends open connections and waits until the server has written everything and is gone; nothing to do if none runs. */
export async function stopServer (place: Place, binaries: Binaries): Promise<void> {
  let said = ''
  for (const [mode, seconds] of [['fast', 20], ['immediate', 10]] as const) {
    const file = await readPostmasterFile(place.cluster)
    if (file === undefined || !isAlive(file.pid)) return
    const { code, output } = await runProgram(binaries.pgCtl,
      ['stop', '-D', place.cluster, '-m', mode, '-w', '-t', String(seconds)], { user: place.user, limitMs: (seconds + 5) * 1000 })
    if (code === 0) return
    said = output
  }
  if (await readPostmasterFile(place.cluster) === undefined) return
  throw new EmbeddedPostgresError(`The PostgreSQL server in ${place.cluster} did not stop. End its process by hand.\n${said}`)
}
