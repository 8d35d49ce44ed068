// Puts jobs into the queue, which lives in the registry so that no idle tenant is ever polled.
import { sql } from 'kysely'
import { Check } from 'typebox/value'
import { type RegistryDb, type RegistryTrx } from '../registry/db.js'
import { type Job } from './define-job.js'

export interface EnqueueOptions {
  /** A waiting job of the same key is replaced by this one; a running one is left alone and runs beside it. */
  key?: string
  runAt?: Date
  /** With a key: a waiting job keeps its time, so that calls without end cannot put it off without end. */
  keepTime?: boolean
  maxAttempts?: number
  /** Enqueue in this transaction, so that the job exists exactly when what it works on does. */
  in?: RegistryTrx
}

interface Gathered { timer: NodeJS.Timeout, send: () => Promise<void> }

export class JobQueue {
  readonly #gathered = new Map<string, Gathered>()

  constructor (private readonly registry: RegistryDb) {}

  /** @throws TypeError when the payload does not have the job's shape. */
  async enqueue<Payload> (job: Pick<Job<Payload, never>, 'name' | 'schema'>, payload: Payload, options: EnqueueOptions = {}): Promise<void> {
    if (!Check(job.schema, payload)) throw new TypeError(`The payload of job ${job.name} does not fit its schema.`)
    await sql`SELECT graphile_worker.add_job(
      ${job.name}::text, payload := ${JSON.stringify(payload)}::json, run_at := ${options.runAt ?? null}::timestamptz,
      max_attempts := ${options.maxAttempts ?? null}::int, job_key := ${options.key ?? null}::text, job_key_mode := ${options.keepTime === true ? 'preserve_run_at' : 'replace'}::text)`
      .execute(options.in ?? this.registry)
  }

  /**
   * For what is asked for often and needs doing once: the calls of one key within `gatherMs` milliseconds of the first are
   * one, sent at the end of that time or by `flush`. A process that is killed before sends nothing. `failed` hears of errors.
   */
  enqueueOnce<Payload> (job: Pick<Job<Payload, never>, 'name' | 'schema'>, payload: Payload, options: EnqueueOptions & { key: string }, gatherMs: number, failed: (error: unknown) => void): void {
    const { key } = options
    if (this.#gathered.has(key)) return
    const send = async (): Promise<void> => {
      this.#gathered.delete(key)
      await this.enqueue(job, payload, options).catch(failed)
    }
    this.#gathered.set(key, { timer: setTimeout(() => { void send() }, gatherMs).unref(), send })
  }

  /** Sends now what is being gathered. */
  async flush (): Promise<void> {
    await Promise.all([...this.#gathered.values()].map(async ({ timer, send }) => {
      clearTimeout(timer)
      await send()
    }))
  }
}
