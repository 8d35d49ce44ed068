// A caller of the API who does what the documentation says: the same Idempotency-Key until there is an answer.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Message } from '../../../src/features/messages/schemas.js'

export interface Caller { apiUrl: string, headers: Record<string, string> }

const patienceMs = 60_000

/** Asks again as long as nobody answers, or answers 5xx; an answer of any other kind is returned. */
export async function call ({ apiUrl, headers }: Caller, method: string, path: string, body?: object): Promise<{ status: number, answer: unknown }> {
  const key = randomUUID()
  const end = Date.now() + patienceMs
  for (;;) {
    try {
      const response = await fetch(apiUrl + path, {
        method,
        signal: AbortSignal.timeout(10_000),
        headers: { ...headers, 'idempotency-key': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      const answer: unknown = await response.json()
      if (response.status < 500) return { status: response.status, answer }
    } catch (error) {
      if (Date.now() > end) throw error
    }
    if (Date.now() > end) throw new Error(`${method} ${path} was not answered within ${patienceMs} ms.`)
    await pause(100)
  }
}

/**
 * Sends to all. 409 means that an earlier try was cut off after it began: whether it got through shows in the list, and if it
 * did not, the caller asks anew.
 * @returns the id of the one message with this text
 */
export async function broadcast (caller: Caller, text: string): Promise<string> {
  for (let tries = 0; tries < 10; tries++) {
    const { status, answer } = await call(caller, 'POST', '/api/messages', { text, to: { all: true } })
    if (status === 202) return (answer as Message).id
    if (status !== 409) throw new Error(`The broadcast was answered ${status}: ${JSON.stringify(answer)}`)
    const { answer: list } = await call(caller, 'GET', '/api/messages?limit=100')
    const sent = (list as { items: Message[] }).items.find((message) => message.text === text)
    if (sent !== undefined) return sent.id
  }
  throw new Error('Ten broadcasts in a row were cut off.')
}
