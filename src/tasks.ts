// Every background job of the service, and what comes round by itself.
import { pruneAttemptsJob, refillSparesJob } from './features/auth/jobs.js'
import { dispatchJob } from './features/messages/jobs.js'
import { followOrderJob } from './features/numbers/jobs.js'
import { type Job } from './jobs/define-job.js'
import { type Services } from './services.js'

export const jobs: ReadonlyArray<Job<never, Services>> = [refillSparesJob, pruneAttemptsJob, dispatchJob, followOrderJob]

export const crontab = `
17 * * * * ${pruneAttemptsJob.name}
`
