// Events in the hands of a process that died are taken over within seconds, instead of when its claim runs out.
import { Type } from 'typebox'
import { type Services } from '../services.js'
import { holdsClaims, releaseClaims } from './claim-queries.js'

/** What the job is called and carries; jobs.ts says what it does. */
export const takeOverShape = { name: 'webhooks.take-over', schema: Type.Object({ session: Type.Integer() }, { additionalProperties: false }) }

/** How long after a claim somebody looks whether its process is still there, again and again while it holds any. */
const lookMs = 5_000
/** A claim that takes longer from its plan to its commit waits for its lease, if its process dies just then. */
const claimMs = 1_000

/** Until when, in milliseconds, a look at this process's session is planned. */
const planned = new WeakMap<Services, { session: number, until: number }>()

/** Call it before a claim: a look that comes once the claim is committed is planned then, whatever becomes of this process. */
export async function planTakeOver (services: Services, session: number): Promise<void> {
  const now = services.clock.now().getTime()
  const known = planned.get(services)
  if (known?.session === session && now < known.until - claimMs) return
  await plan(services, session, now)
  planned.set(services, { session, until: now + lookMs })
}

/** @returns whether anything is due now that was in dead hands */
export async function takeOver (services: Services, { session }: { session: number }, leaseSeconds: number): Promise<boolean> {
  if (await releaseClaims(services.registry, session, leaseSeconds) > 0) return true
  if (await holdsClaims(services.registry, session, leaseSeconds)) await plan(services, session, services.clock.now().getTime())
  return false
}

async function plan ({ jobs }: Services, session: number, now: number): Promise<void> {
  await jobs.enqueue(takeOverShape, { session }, { key: `${takeOverShape.name}:${session}`, runAt: new Date(now + lookMs) })
}
