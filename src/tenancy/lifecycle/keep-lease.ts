// The heartbeat of an operation: renews its lease and writes how far it is, until told to stop.
import { type Logger } from 'pino'
import { type RegistryDb } from '../../registry/db.js'
import { OperationLost, updateOwned } from './operation-rows.js'

const HEARTBEAT_MS = 8_000

export interface Heartbeat {
  /** Aborted when the lease is lost, or when `stopping` is. */
  signal: AbortSignal
  progress: (done: number, total: number) => void
  stop: () => void
}

/** A beat that fails is no loss yet: the lease outlives three of them. */
export function keepLease (registry: RegistryDb, operation: { id: string, owner: string }, log: Logger, stopping: AbortSignal): Heartbeat {
  const lost = new AbortController()
  let latest: { done: number, total: number } | undefined
  const beat = async (): Promise<void> => {
    try {
      await updateOwned(registry, operation, latest === undefined ? {} : { progress: latest })
    } catch (error) {
      if (error instanceof OperationLost) lost.abort(error)
      else log.warn({ err: error, operationId: operation.id }, 'an operation\'s lease could not be renewed; it is tried again')
    }
  }
  const timer = setInterval(() => { void beat() }, HEARTBEAT_MS)
  timer.unref()
  return {
    signal: AbortSignal.any([lost.signal, stopping]),
    progress: (done, total) => { latest = { done, total } },
    stop: () => { clearInterval(timer) }
  }
}
