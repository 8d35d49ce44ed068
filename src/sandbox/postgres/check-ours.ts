// Makes sure that whoever answers on a port is the server of one's own data folder.
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { superuser } from './cluster.js'
import { EmbeddedPostgresError } from './failure.js'
import { host, portTaken } from './free-port.js'
import { type Place } from './place.js'
import { findRunning, type PostmasterFile } from './postmaster-file.js'

/** False when that server ended while it was asked, as one does that has just been killed. */
export async function isOurs (place: Place, { pid, port }: PostmasterFile, deadline: number): Promise<boolean> {
  try {
    await checkOurs(place, port)
    return true
  } catch (error) {
    await sleep(200)
    if ((await findRunning(place, deadline))?.pid === pid) throw error
    return false
  }
}

/** Makes sure that who answers on the port is the server of this folder and takes our password. */
export async function checkOurs (place: Place, port: number): Promise<void> {
  const client = new pg.Client({
    host, port, user: superuser, password: place.remembered.password, database: 'postgres', connectionTimeoutMillis: 5000, query_timeout: 5000
  })
  // What is under way then fails and tells.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ folder: string }>("SELECT current_setting('data_directory') AS folder")
    // PostgreSQL writes slashes on Windows too.
    if (path.resolve(rows[0]?.folder ?? '') !== place.cluster) throw portTaken(port)
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error
    const said = error instanceof Error ? error.message : String(error)
    throw new EmbeddedPostgresError(`The PostgreSQL server of ${place.dataDir} runs on port ${port} but does not let us in: ${said}. ` +
      'End its process and start again. If its server.json was lost or replaced, the folder must be removed as well, and the data in it is lost.', { cause: error })
  } finally {
    await client.end()
  }
}
