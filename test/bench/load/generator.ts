// The load generator, a process of its own: takes orders over IPC, drives autocannon, answers with reports.
import { drive, toBytes } from './drive.js'
import { takeOrders } from './orders.js'
import { type LoadOrder, type LoadReport } from './targets.js'
import { chooseZipf } from './zipf.js'

takeOrders(run)

async function run (order: LoadOrder): Promise<LoadReport> {
  const { host } = new URL(order.url)
  const requests = order.targets.map(({ path, headers, group }) => ({ request: toBytes(order.method ?? 'GET', host, path, headers, order.body), group }))
  const choose = order.zipf === undefined ? chooseInTurn(requests.length) : chooseZipf(requests.length, order.zipf)
  return await drive(order, () => requests[choose()] ?? { request: Buffer.alloc(0), group: 'all' })
}

function chooseInTurn (count: number): () => number {
  let last = -1
  return () => (last = (last + 1) % count)
}
