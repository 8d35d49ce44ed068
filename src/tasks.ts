// Every background job of the service, and what comes round by itself.
import { type Job } from './jobs/define-job.js'
import { type Services } from './services.js'

export const jobs: ReadonlyArray<Job<never, Services>> = []

export const crontab = ''
