// One measurement by autocannon: what each answer took, from requests that are bytes already.
import autocannon from 'autocannon'
import { summarize } from './summarize.js'
import { type LoadReport, rampSeconds } from './targets.js'

const rampMs = rampSeconds * 1000

/** autocannon's client sends what this returns; its own way to vary requests builds each anew and slows the generator. */
interface BufferedClient { getRequestBuffer: () => Buffer }

export interface NextRequest { request: Buffer, group: string }

/** `next` makes each request; it is asked in the process that measures, so it must be quick. */
export async function drive ({ url, connections, seconds }: { url: string, connections: number, seconds: number }, next: () => NextRequest): Promise<LoadReport> {
  const times = new Map<string, number[]>()
  const refused: Record<string, number> = {}
  const begin = performance.now() + rampMs
  let end = begin
  let total = 0
  const cpu = process.cpuUsage()
  const setupClient = (client: autocannon.Client): void => {
    let current = 'all'
    const buffered = client as unknown as BufferedClient
    buffered.getRequestBuffer = () => {
      const { request, group } = next()
      current = group
      return request
    }
    client.on('response', (status: number, _bytes: number, ms: number) => {
      const now = performance.now()
      total++
      if (now < begin) return
      end = now
      if (status < 200 || status > 299) {
        refused[status] = (refused[status] ?? 0) + 1
        return
      }
      let list = times.get(current)
      if (list === undefined) times.set(current, list = [])
      list.push(ms)
    })
  }
  const result = await autocannon({ url, connections, duration: seconds + rampSeconds, sampleInt: 50, setupClient, timeout: 30 })
  if (result.errors > 0) refused['failed'] = result.errors
  const used = process.cpuUsage(cpu)
  return summarize(times, refused, end - begin, (used.user + used.system) / 1e3 / (performance.now() - begin + rampMs), total)
}

/** A request as it goes over the wire; with a body, as JSON. */
export function toBytes (method: string, host: string, path: string, headers: Record<string, string>, body?: string): Buffer {
  const all: Record<string, string> = { host, connection: 'keep-alive', ...headers }
  if (body !== undefined) Object.assign(all, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) })
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines}\r\n${body ?? ''}`)
}
