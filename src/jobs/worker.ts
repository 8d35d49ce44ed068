// Runs the queue's jobs in this process, several at a time, until told to stop.
import { type JobHelpers, Logger as WorkerLogger, parseCronItems, run, type Runner, type Task } from 'graphile-worker'
import { type Pool } from 'pg'
import { type Logger } from 'pino'
import { Check } from 'typebox/value'
import { Problem } from '../errors.js'
import { type Metrics } from '../metrics.js'
import { type Attributes, type Tracing } from '../tracing.js'
import { type Job } from './define-job.js'

export interface WorkerOptions<Services> {
  pool: Pool
  services: Services
  jobs: ReadonlyArray<Job<never, Services>>
  /** Jobs that come round by themselves, at five fields of cron, in UTC. */
  schedule?: ReadonlyArray<{ cron: string, job: Job<never, Services> }>
  concurrency: number
  /** Milliseconds that running jobs get to finish when the worker stops. */
  drainMs: number
  log: Logger
  metrics: Metrics
  tracing?: Tracing | undefined
}

// The queue announces each job it starts and finishes: worth reading only when looking for a fault.
const pinoLevels = { error: 'error', warning: 'warn', info: 'debug', debug: 'trace' } as const

const movingPauseMs = 3_000

export interface Worker { stop: () => Promise<void> }

export async function startWorker<Services> (options: WorkerOptions<Services>): Promise<Worker> {
  const { log } = options
  const runner: Runner = await run({
    pgPool: options.pool,
    taskList: Object.fromEntries(options.jobs.map((job) => [job.name, toTask(job, options)])),
    concurrency: options.concurrency,
    parsedCronItems: parseCronItems((options.schedule ?? []).map(({ cron, job }) => ({ task: job.name, match: cron }))),
    noHandleSignals: true,
    preset: { worker: { gracefulShutdownAbortTimeout: options.drainMs } },
    logger: new WorkerLogger(() => (level, message, meta) => {
      log[pinoLevels[level]]({ err: meta?.['error'] }, message)
    })
  })
  runner.promise.catch((error: unknown) => { log.fatal({ err: error }, 'the worker stopped by itself') })
  return { stop: () => runner.stop() }
}

function toTask<Services> (job: Job<never, Services>, { services, log, metrics, tracing }: WorkerOptions<Services>): Task {
  return async (payload, helpers) => {
    if (!Check(job.schema, payload)) throw new Error(`The payload of job ${job.name} does not fit its schema; it was probably queued by another version.`)
    const attempt = helpers.job.attempts
    try {
      const run = () => job.run(payload as never, services, { attempt, maxAttempts: helpers.job.max_attempts, signal: helpers.abortSignal })
      await (tracing === undefined ? run() : tracing.job(`job ${job.name}`, jobAttributes(helpers.job.id, attempt, payload), run))
      metrics.jobs.inc({ job: job.name, outcome: 'done' })
    } catch (error) {
      if (error instanceof Problem && error.code === 'TENANT_MOVING') {
        await again(payload, helpers, job.name)
        metrics.jobs.inc({ job: job.name, outcome: 'put_off' })
        log.info({ job: job.name, jobId: helpers.job.id }, 'a job is put off: its organization is being moved')
        return
      }
      const last = attempt >= helpers.job.max_attempts
      metrics.jobs.inc({ job: job.name, outcome: last ? 'dead' : 'failed' })
      log.error({ err: error, job: job.name, jobId: helpers.job.id, attempt }, last ? 'a job failed for good; `koinonia doctor` lists it' : 'a job failed and will be tried again')
      throw error
    }
  }
}

/** In place of a failure, which would use up an attempt and wait ever longer. A move has its end, so this has too. */
async function again (payload: unknown, { job, addJob }: JobHelpers, name: string): Promise<void> {
  await addJob(name, payload, {
    runAt: new Date(Date.now() + movingPauseMs),
    maxAttempts: job.max_attempts,
    ...(job.key === null ? {} : { jobKey: job.key, jobKeyMode: 'preserve_run_at' })
  })
}

function jobAttributes (id: string, attempt: number, payload: unknown): Attributes {
  const tenantId = typeof payload === 'object' && payload !== null && 'tenantId' in payload ? payload.tenantId : undefined
  return { 'koinonia.job.id': id, 'koinonia.job.attempt': attempt, ...(typeof tenantId === 'string' ? { 'koinonia.tenant.id': tenantId } : {}) }
}
