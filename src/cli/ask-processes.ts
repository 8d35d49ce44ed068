// Asks each process for its busiest tenants and adds up what they say of the same one.
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import { type Measure, rank } from '../tenancy/busiest-tenants.js'

const answerMs = 5_000

const Figures = Type.Object({
  tenantId: Type.String(),
  organization: Type.Union([Type.String(), Type.Null()]),
  server: Type.String(),
  requestsPerSecond: Type.Number(),
  waitsPerSecond: Type.Number(),
  meanWaitMs: Type.Number(),
  waiting: Type.Number(),
  connections: Type.Number()
})
const Answer = Type.Object({ process: Type.String(), tenants: Type.Array(Figures) })
type Answer = Type.Static<typeof Answer>

export interface TenantSample extends Type.Static<typeof Figures> { servers: string[] }

export interface Sample {
  processes: number
  unanswered: Array<{ url: string, reason: string }>
  tenants: TenantSample[]
}

export async function askProcesses (urls: string[], token: string, { by, limit, signal }: { by: Measure, limit: number, signal: AbortSignal }): Promise<Sample> {
  // Each is asked for more than is shown: a tenant may be far down in every list and yet high in their sum.
  const path = `/metrics/tenants?by=${by}&limit=${Math.min(10 * limit, 1_000)}`
  const asked = await Promise.all(urls.map((url) => askOne(url, path, token, signal)))
  const answers = asked.filter((answer): answer is Answer => 'tenants' in answer)
  // Two addresses may lead to one process.
  const apart = [...new Map(answers.map((answer) => [answer.process, answer])).values()]
  return {
    processes: apart.length,
    unanswered: asked.filter((answer) => 'reason' in answer),
    tenants: rank(addUp(apart), by, limit)
  }
}

async function askOne (url: string, path: string, token: string, stopped: AbortSignal): Promise<Answer | { url: string, reason: string }> {
  try {
    const response = await fetch(url + path, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.any([stopped, AbortSignal.timeout(answerMs)]) })
    if (!response.ok) return { url, reason: response.status === 401 ? 'it has another OPERATOR_TOKEN' : `HTTP ${response.status}` }
    const answer: unknown = await response.json()
    return Check(Answer, answer) ? answer : { url, reason: 'it is no Koinonia of this version' }
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return { url, reason: cause instanceof Error ? cause.message : 'unknown' }
  }
}

function addUp (answers: Answer[]): TenantSample[] {
  const sums = new Map<string, TenantSample>()
  for (const figures of answers.flatMap(({ tenants }) => tenants)) {
    const before = sums.get(figures.tenantId)
    sums.set(figures.tenantId, before === undefined ? { ...figures, servers: [figures.server] } : sum(before, figures))
  }
  return [...sums.values()]
}

function sum (one: TenantSample, other: Answer['tenants'][number]): TenantSample {
  const waitsPerSecond = one.waitsPerSecond + other.waitsPerSecond
  return {
    ...one,
    // Two while it is moved.
    servers: [...new Set([...one.servers, other.server])],
    requestsPerSecond: one.requestsPerSecond + other.requestsPerSecond,
    waitsPerSecond,
    meanWaitMs: waitsPerSecond === 0 ? 0 : (one.meanWaitMs * one.waitsPerSecond + other.meanWaitMs * other.waitsPerSecond) / waitsPerSecond,
    waiting: one.waiting + other.waiting,
    connections: one.connections + other.connections
  }
}
