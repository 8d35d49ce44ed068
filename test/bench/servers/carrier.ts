// A carrier that takes every text: at once, or after some milliseconds. It counts what it is sent, and tells when it is asked.
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { type CarrierCounts, type CarrierOrder } from '../broadcast-orders.js'

const none = { texts: 0, bytes: 0, firstAt: null } satisfies CarrierCounts
let counts: CarrierCounts = { ...none }
let answerMs = 0
let lastId = 0

const server = createServer((request, response) => {
  counts.firstAt ??= Date.now()
  request.on('data', (chunk: Buffer) => { counts.bytes += chunk.length })
  request.on('end', () => {
    counts.texts++
    const answer = (): void => {
      response.setHeader('content-type', 'application/json')
      response.end(`{"data":{"id":"bench-${++lastId}","record_type":"message"}}`)
    }
    if (answerMs === 0) answer()
    else setTimeout(answer, answerMs)
  })
})
server.keepAliveTimeout = 120_000

process.on('message', (order: CarrierOrder) => {
  if (order.answerMs !== undefined) {
    answerMs = order.answerMs
    counts = { ...none }
  }
  process.send?.(counts)
})
process.on('disconnect', () => process.exit(0))
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
