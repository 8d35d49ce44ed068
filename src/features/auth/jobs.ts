// What sign-up and sign-in leave to the background.
import { Type } from 'typebox'
import { defineJob } from '../../jobs/define-job.js'
import { type Services } from '../../services.js'
import { deleteExpiredAttempts } from './limit-attempts.js'
import { refillSpares } from './refill-spares.js'
import { deleteExpiredKeys } from './sign-up-key-queries.js'

/** Keyed by its name when enqueued, so that many sign-ups leave one waiting run. */
export const refillSparesJob = defineJob('tenants.refill-spares', Type.Object({}), async (_payload, services: Services) => {
  const { failed } = await refillSpares(services)
  if (failed > 0) throw new Error(`${failed} spare tenant databases could not be made; the log before this says why`)
})

/** Counted attempts, and the keys of sign-ups, whose time is up. */
export const pruneAttemptsJob = defineJob('auth.prune-attempts', Type.Object({}), async (_payload, services: Services) => {
  await deleteExpiredAttempts(services)
  await deleteExpiredKeys(services.registry, services.clock.now())
})

/** A sign-up whose process died holds its organization's row and a database until its time is up. */
export const undoExpiredJob = defineJob('tenants.undo-expired', Type.Object({}), async (_payload, services: Services) => {
  await services.provisioner.undoExpired()
})
