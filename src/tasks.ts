// Every background job of the service, and what comes round by itself.
import { pruneAttemptsJob, refillSparesJob, undoExpiredJob } from './features/auth/jobs.js'
import { copyMediaJob, wakeJob } from './features/conversations/jobs.js'
import { collectJob } from './features/dead-letters/jobs.js'
import { backUpJob, pruneOperationsJob, removeUnfinishedJob, runOperationsJob } from './features/lifecycle/jobs.js'
import { sweepMediaJob } from './features/media/jobs.js'
import { discardImportJob, importJob } from './features/members/imports/jobs.js'
import { dispatchJob, startJob } from './features/messages/jobs.js'
import { followOrderJob } from './features/numbers/jobs.js'
import { occurrenceJob } from './features/recurring/jobs.js'
import { type Job } from './jobs/define-job.js'
import { type Services } from './services.js'
import { processEventsJob, pruneEventsJob, takeOverJob } from './webhooks/jobs.js'

export const jobs: ReadonlyArray<Job<never, Services>> = [
  refillSparesJob, undoExpiredJob, pruneAttemptsJob, dispatchJob, startJob, followOrderJob, collectJob, copyMediaJob, wakeJob, occurrenceJob,
  importJob, discardImportJob, runOperationsJob, pruneOperationsJob, removeUnfinishedJob, backUpJob, processEventsJob, takeOverJob, pruneEventsJob, sweepMediaJob
]

/** What comes round by itself: five fields of cron, in UTC. */
export const schedule: ReadonlyArray<{ cron: string, job: Job<never, Services> }> = [
  { cron: '17 * * * *', job: pruneAttemptsJob },
  { cron: '* * * * *', job: undoExpiredJob },
  { cron: '* * * * *', job: runOperationsJob },
  // The sweep, for what a crash left behind.
  { cron: '* * * * *', job: processEventsJob },
  { cron: '7 * * * *', job: refillSparesJob },
  { cron: '17 3 * * *', job: pruneEventsJob },
  { cron: '37 3 * * *', job: pruneOperationsJob },
  { cron: '57 3 * * *', job: removeUnfinishedJob },
  { cron: '* * * * *', job: backUpJob }
]
