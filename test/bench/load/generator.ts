// The load generator, a process of its own: takes orders over IPC, drives autocannon, answers with reports.
import autocannon from 'autocannon'
import { takeOrders } from './orders.js'
import { summarize } from './summarize.js'
import { type LoadOrder, type LoadReport, rampSeconds } from './targets.js'
import { chooseZipf } from './zipf.js'

const rampMs = rampSeconds * 1000

/** autocannon's client sends what this returns; its own way to vary requests builds each anew and slows the generator. */
interface BufferedClient { getRequestBuffer: () => Buffer }

takeOrders(run)

async function run (order: LoadOrder): Promise<LoadReport> {
  const { host } = new URL(order.url)
  const buffers = order.targets.map((target) => requestBuffer(order, host, target))
  const choose = order.zipf === undefined ? chooseInTurn(buffers.length) : chooseZipf(buffers.length, order.zipf)
  const times = new Map<string, number[]>()
  const refused: Record<string, number> = {}
  const begin = performance.now() + rampMs
  let end = begin
  const cpu = process.cpuUsage()
  const setupClient = (client: autocannon.Client): void => {
    let current = 0
    const buffered = client as unknown as BufferedClient
    buffered.getRequestBuffer = () => {
      current = choose()
      return buffers[current] ?? Buffer.alloc(0)
    }
    client.on('response', (status: number, _bytes: number, ms: number) => {
      const now = performance.now()
      if (now < begin) return
      end = now
      if (status < 200 || status > 299) {
        refused[status] = (refused[status] ?? 0) + 1
        return
      }
      const group = order.targets[current]?.group ?? 'all'
      let list = times.get(group)
      if (list === undefined) times.set(group, list = [])
      list.push(ms)
    })
  }
  const result = await autocannon({
    url: order.url,
    connections: order.connections,
    duration: order.seconds + rampSeconds,
    sampleInt: 50,
    setupClient,
    timeout: 30
  })
  if (result.errors > 0) refused['failed'] = result.errors
  const used = process.cpuUsage(cpu)
  return summarize(times, refused, end - begin, (used.user + used.system) / 1e3 / (performance.now() - begin + rampMs))
}

function requestBuffer ({ method = 'GET', body }: LoadOrder, host: string, { path, headers }: LoadOrder['targets'][number]): Buffer {
  const all: Record<string, string> = { host, connection: 'keep-alive', ...headers }
  if (body !== undefined) Object.assign(all, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) })
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines}\r\n${body ?? ''}`)
}

function chooseInTurn (count: number): () => number {
  let last = -1
  return () => (last = (last + 1) % count)
}
