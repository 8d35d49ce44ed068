// What the carrier's tests share: a webhook receiver, a bought number, and a wait that ends.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'

export interface ReceivedEvent {
  type: string
  id: string
  path: string
  raw: string
  body: unknown
  signature: string
  timestamp: string
}

export interface Receiver {
  url: string
  events: ReceivedEvent[]
  /** The status of answers to come, call by call; the last one stays. */
  answers: number[]
}

interface Closes { teardown (close: () => unknown): void }

export async function startReceiver (t: Closes): Promise<Receiver> {
  const events: ReceivedEvent[] = []
  const answers = [200]
  const server = createServer((request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      const raw = Buffer.concat(chunks).toString()
      const body = JSON.parse(raw) as { data: { event_type: string, id: string } }
      events.push({
        type: body.data.event_type,
        id: body.data.id,
        path: request.url ?? '',
        raw,
        body,
        signature: String(request.headers['telnyx-signature-ed25519']),
        timestamp: String(request.headers['telnyx-timestamp'])
      })
      response.statusCode = (answers.length > 1 ? answers.shift() : answers[0]) ?? 200
      response.end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, events, answers }
}

/** Buys a number and gives it a profile whose webhook is `webhookUrl`. */
export async function buyNumber ({ baseUrl }: { baseUrl: string }, webhookUrl: string, phoneNumber = '+16155550100'): Promise<string> {
  const profile = await postJson(`${baseUrl}/messaging_profiles`, { name: 'Test', whitelisted_destinations: ['US'], webhook_url: webhookUrl })
  const { data: { id } } = profile.body as { data: { id: string } }
  await postJson(`${baseUrl}/number_orders`, { phone_numbers: [{ phone_number: phoneNumber }], messaging_profile_id: id })
  await until(async () => {
    const { data } = await getJson(`${baseUrl}/phone_numbers?filter[phone_number]=${encodeURIComponent(phoneNumber)}`) as { data: unknown[] }
    return data[0]
  })
  return phoneNumber
}

export async function getJson (url: string): Promise<unknown> {
  return (await fetch(url, { headers: { authorization: 'Bearer test' } })).json()
}

export async function postJson (url: string, body: unknown, method = 'POST'): Promise<{ status: number, body: unknown }> {
  const answer = await fetch(url, { method, headers: { authorization: 'Bearer test', 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return { status: answer.status, body: await answer.json() }
}

/** Asks again until there is an answer; fails after ten seconds. */
export async function until<T> (ask: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + 10_000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > end) throw new Error('What the test waits for has not come within ten seconds')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
