// The ground of the row `dispatch`: a stub carrier, an organization whose whole congregation is texted, and the loop that texts as many by itself.
import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { type Bench } from './bench.js'
import { type CarrierCounts, type CarrierOrder, type TextsSettings } from './broadcast-orders.js'
import { compiled, forkReady, stopChild } from './child.js'
import { type Congregation, openCongregation } from './congregation.js'
import { type Koinonia } from './koinonia.js'
import { startPeer } from './peer.js'

/** `bytes`: of one body, on average. */
export interface Sent { perSecond: number, bytes: number }

export interface Broadcasts {
  startWorker: () => ChildProcess
  /** Texts the whole congregation by the worker; `seen` hears how many have left, some times a second. */
  send: (answerMs: number, seen?: (texts: number) => void) => Promise<Sent>
  /** Texts as many by the loop. */
  postBare: (answerMs: number) => Promise<Sent>
  growTo: (members: number) => Promise<void>
}

const text = 'Service starts at 10 this Sunday. See you there, and bring a friend!'
/** 0: no limit. */
const noRates = { SEND_RATE_LONG_CODE: '0', SEND_RATE_TOLL_FREE: '0', SEND_RATE_CAMPAIGN_PER_MINUTE: '0', SEND_RATE_BRAND_PER_DAY: '0', SEND_RATE_ACCOUNT_SMS: '0', SEND_RATE_ACCOUNT_MMS: '0' }
/** Of SEND_CONCURRENCY: so that as many broadcast texts are in flight as the loop's. */
const keptForAnswers = 8
const lookEveryMs = 20
/** Milliseconds without a further text after which something is broken. */
const patienceMs = 60_000

export async function openBroadcasts (bench: Bench, { texts, inFlight, startKoinonia }: { texts: number, inFlight: number, startKoinonia: (settings: NodeJS.ProcessEnv) => Promise<Koinonia> }): Promise<Broadcasts> {
  const { url: carrierUrl, child: carrier } = await startPeer(bench, 'carrier', {})
  const koinonia = await startKoinonia({ TELNYX_BASE_URL: `${carrierUrl}/v2`, SEND_CONCURRENCY: String(inFlight + keptForAnswers), ...noRates })
  const congregation = await openCongregation(bench, koinonia)
  const settings: TextsSettings = { carrierUrl, publicUrl: koinonia.url, tenantId: congregation.organization.tenantId, text, texts, inFlight }
  const { child: loop } = await forkReady(compiled('load/texts.js'), settings)
  bench.defer(() => stopChild(loop))
  let members = texts
  await congregation.fillTo(members)
  const result = (counts: CarrierCounts, ms: number): Sent => {
    if (counts.texts !== members) throw new Error(`The carrier was sent ${counts.texts} texts instead of ${members}`)
    return { perSecond: counts.texts / ms * 1000, bytes: counts.bytes / counts.texts }
  }
  return {
    startWorker: koinonia.startWorker,
    async send (answerMs, seen) {
      await ask<CarrierCounts>(carrier, { answerMs } satisfies CarrierOrder)
      const { id } = await koinonia.post<{ id: string }>('/api/messages', { text, to: { all: true } }, congregation.organization.headers)
      const queuedAt = Date.now()
      await untilSent(congregation, id, async () => {
        const { texts: left } = await ask<CarrierCounts>(carrier, {})
        seen?.(left)
        return left
      })
      const endedAt = Date.now()
      const counts = await ask<CarrierCounts>(carrier, {})
      seen?.(counts.texts)
      await refuseUnsent(congregation)
      await congregation.clear()
      return result(counts, endedAt - Math.min(queuedAt, counts.firstAt ?? queuedAt))
    },
    async postBare (answerMs) {
      await ask<CarrierCounts>(carrier, { answerMs } satisfies CarrierOrder)
      const ms = await ask<number>(loop, {})
      return result(await ask<CarrierCounts>(carrier, {}), ms)
    },
    async growTo (more) {
      members = Math.max(members, more)
      await congregation.fillTo(members)
    }
  }
}

async function ask<Answer> (child: ChildProcess, order: object): Promise<Answer> {
  const answer = once(child, 'message')
  child.send(order)
  return (await answer)[0] as Answer
}

async function untilSent ({ client }: Congregation, id: string, countLeft: () => Promise<number>): Promise<void> {
  let most = -1
  let lastSeen = performance.now()
  while (performance.now() - lastSeen < patienceMs) {
    const { rows: [message] } = await client.query<{ status: string }>('SELECT status FROM messages WHERE id = $1', [id])
    if (message?.status === 'sent') return
    const left = await countLeft()
    if (left > most) lastSeen = performance.now()
    most = Math.max(left, most)
    await pause(lookEveryMs)
  }
  throw new Error(`Nothing left for ${patienceMs / 1000} s after ${most} texts`)
}

async function refuseUnsent ({ client }: Congregation): Promise<void> {
  const { rows } = await client.query<{ status: string, error: string | null }>("SELECT status, min(error_code) AS error FROM message_recipients WHERE status <> 'sent' GROUP BY status")
  if (rows.length > 0) throw new Error(`Not all were sent: ${JSON.stringify(rows)}`)
}
