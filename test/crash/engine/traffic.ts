// Callers of the API who add members and read them again, and hold every answer against what was promised.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Member } from '../../../src/features/members/schemas.js'
import { count, type Ground, type Organization } from './ground.js'

/** Far beyond every limit of the service: who waits longer has been forgotten. */
const patienceMs = 45_000
/** By then every process has heard that an organization is suspended. */
const heardMs = 1_000
/** What still reads a database that was moved gets so long. */
const leavingMs = 12_000

interface Answer { status: number, code: string, body: unknown }

/** One caller of an organization, until `over`; rests `restMs` between requests on average. */
export async function callUntil (ground: Ground, organization: Organization, { name, restMs, over }: { name: string, restMs: number, over: AbortSignal }): Promise<void> {
  for (let number = 0; !over.aborted; number++) {
    const choice = Math.random()
    if (choice < 0.4) await add(ground, organization, `${name}-${number}`, restMs, over)
    else if (choice < 0.8) await readOne(ground, organization)
    else await readList(ground, organization)
    await pause(Math.random() * 2 * restMs)
  }
}

/** Adds a member, with the same Idempotency-Key until it is known what became of it. */
async function add (ground: Ground, organization: Organization, lastName: string, restMs: number, over: AbortSignal): Promise<void> {
  const key = randomUUID()
  const phone = `+1615${5_000_000 + nextLine()}`
  organization.uncertain.add(lastName)
  for (let cut = false; ;) {
    const { status, code, body } = await ask(ground, organization, 'POST', '/api/members', { key, body: { firstName: organization.id, lastName, phone } })
    if (status === 201) {
      organization.uncertain.delete(lastName)
      organization.accepted.set(lastName, (body as Member).id)
      own(ground, organization, [body as Member])
      return
    }
    // An earlier try was cut off after it began, and nobody knows whether it got through.
    if (status === 409 && cut) return
    if (status === 409) ground.wrong.push(`A first try of ${lastName} of ${organization.id} was answered 409 ${code}`)
    if (over.aborted || status === 409) return
    cut ||= status >= 500
    await pause(100 + restMs)
  }
}

async function readOne (ground: Ground, organization: Organization): Promise<void> {
  const names = [...organization.accepted.keys()]
  const lastName = names[Math.floor(Math.random() * names.length)]
  if (lastName === undefined) return
  const { status, body } = await ask(ground, organization, 'GET', `/api/members/${organization.accepted.get(lastName) ?? ''}`)
  if (status !== 200) return
  own(ground, organization, [body as Member])
  if ((body as Member).lastName !== lastName) ground.wrong.push(`${organization.id} asked for ${lastName} and got ${(body as Member).lastName}`)
}

async function readList (ground: Ground, organization: Organization): Promise<void> {
  const { status, body } = await ask(ground, organization, 'GET', '/api/members?limit=20')
  if (status === 200) own(ground, organization, (body as { items: Member[] }).items)
}

/** Each row carries the id of the organization it was written for. */
function own ({ wrong }: Ground, { id }: Organization, members: Member[]): void {
  for (const { firstName, lastName } of members) if (firstName !== id) wrong.push(`${id} was shown ${lastName} of ${firstName}`)
}

async function ask (ground: Ground, organization: Organization, method: 'GET' | 'POST', path: string, { key, body }: { key?: string, body?: object } = {}): Promise<Answer> {
  const begun = Date.now()
  const answer = await send(ground.apiUrl + path, method, { ...organization.headers, ...(key === undefined ? {} : { 'idempotency-key': key }) }, body)
  const ended = Date.now()
  const { status, code } = answer
  count(ground.answers, `${method} ${status}${code === '' ? '' : ` ${code}`}`)
  const { id, refusedSince } = organization
  if (status < 300 && status > 0) {
    if (refusedSince !== undefined && begun > refusedSince + heardMs) ground.wrong.push(`${id} was served ${begun - refusedSince} ms after it was suspended`)
  } else if (status !== 409) {
    const servers = [...organization.servers].filter(([, left]) => left + leavingMs > begun).map(([name]) => name)
    if (!ground.excuses.cover({ tenant: id, servers, code, wrote: method === 'POST', begun, ended })) {
      ground.wrong.push(`${new Date(ended).toISOString()} ${method} ${path} of ${id} on ${servers.join(', ')}: ${status} ${code} after ${ended - begun} ms`)
    }
  }
  return answer
}

async function send (url: string, method: string, headers: Record<string, string>, body?: object): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method,
      signal: AbortSignal.timeout(patienceMs),
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const answered: unknown = await response.json()
    return { status: response.status, code: String(Reflect.get(Object(answered) as object, 'code') ?? ''), body: answered }
  } catch (error) {
    return { status: 0, code: `no answer: ${error instanceof Error ? error.message : String(error)}`, body: undefined }
  }
}

let lines = 0
const nextLine = (): number => lines++
