// What a background job is: a name, the shape of its payload, and what to do.
import { type Static, type TSchema } from 'typebox'

export interface JobContext {
  /** 1 on the first try. */
  attempt: number
  maxAttempts: number
  /** Aborted when the worker stops: leave early, the job runs again later. */
  signal: AbortSignal
}

export interface Job<Payload, Services> {
  name: string
  schema: TSchema
  run: (payload: Payload, services: Services, context: JobContext) => Promise<void>
}

/** `run` may be called twice for one payload, and at the same time: it must be idempotent by a key in the database. */
export function defineJob<Schema extends TSchema, Services> (
  name: string,
  schema: Schema,
  run: Job<Static<Schema>, Services>['run']
): Job<Static<Schema>, Services> {
  return { name, schema, run }
}
