import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import t from 'tap'
import { PostgresConnector } from '../../src/tenancy/postgres-connector.js'

/** A message of the server: its letter, then length and content. */
function say (letter: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(content.length + 4)
  return Buffer.concat([Buffer.from(letter), length, content])
}

const admitted = say('R', Buffer.alloc(4))
const ready = say('Z', Buffer.from('I'))
const goodbye = say('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0'))

void t.test('a server that dies with the same breath as it lets us in breaks that connection, and nothing else', async (t) => {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => { socket.end(Buffer.concat([admitted, ready, goodbye])) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const connector = new PostgresConnector(
    { applicationName: 'test', host: '127.0.0.1', port: (server.address() as AddressInfo).port, database: 'any', user: 'anyone', password: () => 'none' },
    { max: 1, connectTimeoutMs: 1_000, statementTimeoutMs: 1_000, idleInTransactionMs: 1_000, closeTimeoutMs: 200 })
  let losses = 0
  const lost = new Promise<void>((resolve) => {
    connector.open(() => { losses++; resolve() }).then(async (connection) => {
      t.equal(connection.broken, true)
      await lost
      await connector.close(connection)
      await connector.end()
    }, (error: unknown) => { t.error(error) })
  })
  await lost
  t.ok(losses > 0)
})
