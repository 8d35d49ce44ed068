// The embedded PostgreSQL: started, or taken over when it still runs from before.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Logger } from 'pino'
import { prepareBinaries, type Binaries } from './binaries.js'
import { checkOurs, isOurs } from './check-ours.js'
import { createCluster, hasCluster, superuser } from './cluster.js'
import { asEmbeddedPostgresError, explainFailure } from './failure.js'
import { claimPort, findPort, host, portTaken } from './free-port.js'
import { launch, socketDirectoryOf } from './launch.js'
import { openPlace, type Place } from './place.js'
import { endOrphans, findRunning } from './postmaster-file.js'
import { remember } from './remembered.js'
import { stopServer } from './stop-server.js'

export interface EmbeddedPostgresOptions {
  /** Folder for everything that must survive: the database, its password, its log. Made when missing. */
  dataDir: string
  /** The port to listen on; without it the port of last time, or a free one. */
  port?: number
  /** False gives up safety against a crash of the machine for speed. */
  durable?: boolean
  maxConnections?: number
  log: Logger
  /** Told in a few words what is being done, for a person who waits. */
  onProgress?: (doing: string) => void
  /** Folder with bin/, lib/ and share/ to use instead of the installed package's. */
  nativeDir?: string
}

export interface EmbeddedPostgres {
  /** postgres://user:password@127.0.0.1:port/postgres, for the superuser. */
  adminUrl: string
  host: string
  port: number
  user: string
  password: string
  /** For `host` where a Unix socket is wanted (some 10 % faster than TCP); null where there is none. */
  socketDirectory: string | null
  logFile: string
  /** True when the server was already running. */
  adopted: boolean
  /** Stops the server and waits until it is gone. */
  stop(): Promise<void>
}

const startLimitMs = 30_000

/**
 * Starts the server of a data folder, or adopts the one that already runs there. It is detached: it lives until stop(),
 * even when this process is killed. Throws EmbeddedPostgresError, whose message tells what to do.
 */
export async function startEmbeddedPostgres (options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    const place = await openPlace(options.dataDir, options.log)
    return await start(place, options)
  } catch (error) {
    throw asEmbeddedPostgresError('Starting PostgreSQL', error)
  }
}

async function start (place: Place, options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { durable = true, maxConnections = 200, log, onProgress } = options
  const binaries = async () => prepareBinaries({ home: place.home, user: place.user, nativeDir: options.nativeDir })
  if (!await hasCluster(place)) {
    onProgress?.('Creating the PostgreSQL database')
    await createCluster(place, await binaries(), durable)
  }
  const deadline = Date.now() + startLimitMs
  for (;;) {
    const running = await findRunning(place, deadline)
    if (running !== undefined) {
      if (options.port === undefined || options.port === running.port) {
        if (!await isOurs(place, running, deadline)) continue
        log.info({ port: running.port, pid: running.pid }, 'PostgreSQL was already running')
        return describe(place, running.port, true, binaries)
      }
      await claimPort(options.port)
      await stopServer(place, await binaries())
    }
    const port = options.port === undefined ? await findPort(place.remembered.port) : await claimPort(options.port)
    onProgress?.('Starting PostgreSQL')
    const said = await launch(place, await binaries(), { port, durable, maxConnections }, deadline)
    if (said === undefined) {
      await checkOurs(place, port)
      if (port !== place.remembered.port) await remember(place.dataDir, { ...place.remembered, port })
      log.info({ port, logFile: place.logFile }, 'PostgreSQL started')
      return describe(place, port, false, binaries)
    }
    await makeWay(place, said, options.port, deadline)
  }
}

/** After a failed start: clears what can be cleared so that another try makes sense, or throws. */
async function makeWay (place: Place, said: string, wantedPort: number | undefined, deadline: number): Promise<void> {
  if (Date.now() > deadline) throw explainFailure('Starting PostgreSQL', said)
  if (/Address already in use|could not create any TCP\/IP sockets/.test(said)) {
    if (wantedPort !== undefined) throw portTaken(wantedPort)
    return
  }
  if (said.includes('pre-existing shared memory block')) {
    await endOrphans(place.cluster)
  } else if (!said.includes('lock file "postmaster.pid" already exists')) {
    // Were it the lock file, another start would have been quicker, and would be adopted.
    throw explainFailure('Starting PostgreSQL', `${said}\nLog: ${place.logFile}`)
  }
  await sleep(200)
}

function describe (place: Place, port: number, adopted: boolean, binaries: () => Promise<Binaries>): EmbeddedPostgres {
  const { password } = place.remembered
  let stopping: Promise<void> | undefined
  return {
    adminUrl: `postgres://${superuser}:${password}@${host}:${port}/postgres`,
    host,
    port,
    user: superuser,
    password,
    socketDirectory: socketDirectoryOf(place) ?? null,
    logFile: place.logFile,
    adopted,
    async stop () {
      stopping ??= binaries().then(async (programs) => stopServer(place, programs))
      return stopping
    }
  }
}
