// Proving passwords to a real server, and to one that only pretends to know them.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import net, { type AddressInfo } from 'node:net'
import fc from 'fast-check'
import pg from 'pg'
import t from 'tap'
import { scramVerifier } from '../../src/tenancy/roles.js'
import { ScramClient } from '../../src/tenancy/scram-client.js'
import { proveAtOnce } from '../../src/tenancy/scram-proof.js'
import { testServer } from '../helpers/test-server.js'

interface Session { message: string, mechanism: string, clientNonce: string, response?: string, serverSignature?: string }

const { continueSession } = createRequire(import.meta.url)('pg/lib/crypto/sasl') as { continueSession: (session: Session, password: string, serverFirst: string) => Promise<void> }

const visible = (minLength: number) => fc.string({ minLength, maxLength: 60, unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) })
const nonce = visible(1).map((text) => text.replaceAll(',', '.'))

await t.test('the proof is the one that pg computes', async () => {
  await fc.assert(fc.asyncProperty(visible(1), nonce, nonce, fc.uint8Array({ minLength: 1, maxLength: 32 }), fc.integer({ min: 1, max: 100 }), async (password, ours, theirs, salt, rounds) => {
    const serverFirst = `r=${ours}${theirs},s=${Buffer.from(salt).toString('base64')},i=${rounds}`
    const session: Session = { message: 'SASLInitialResponse', mechanism: 'SCRAM-SHA-256', clientNonce: ours }
    await continueSession(session, password, serverFirst)
    const { response, serverSignature } = session
    const proof = proveAtOnce(ours, password, serverFirst)
    if (proof?.response !== response || proof?.serverSignature !== serverSignature) throw new Error(`${JSON.stringify(proof)} is not ${JSON.stringify(session)}`)
  }), { numRuns: 200 })
})

await t.test('what is not simple, or must be refused, is left to pg', async (t) => {
  const first = 'r=abcdef,s=c2FsdA==,i=1'
  t.ok(proveAtOnce('abc', 'secret', first))
  t.equal(proveAtOnce('abc', 'secret', 'r=abcdef,s=c2FsdA==,i=4096'), undefined, 'many rounds would hold up the loop')
  t.equal(proveAtOnce('abc', 'pässword', first), undefined, 'letters that must be normalized')
  t.equal(proveAtOnce('xyz', 'secret', first), undefined, 'a nonce that does not begin with ours')
  t.equal(proveAtOnce('abcdef', 'secret', first), undefined, 'a nonce that is ours alone')
  t.equal(proveAtOnce('abc', 'secret', `${first},x=1`), undefined, 'an extension')
  t.equal(proveAtOnce('abc', 'secret', 'r=abcdef,s=c2FsdA,i=1'), undefined, 'a salt that is no base64')
})

await t.test('PostgreSQL lets in who knows the password, whatever its rounds, and nobody else', async (t) => {
  const { adminUrl, host, port } = await testServer()
  const admin = new pg.Client({ connectionString: adminUrl })
  await admin.connect()
  // Of its own: who may connect to the server's first database depends on what other tests have done.
  const database = `scram_${randomBytes(6).toString('hex')}`
  await admin.query(`CREATE DATABASE ${database}`)
  await admin.query(`CREATE ROLE scram_once LOGIN PASSWORD '${scramVerifier('a derived password')}'; CREATE ROLE scram_once_dense LOGIN PASSWORD '${scramVerifier('derived-password')}';
    SET scram_iterations = 4096; CREATE ROLE scram_often LOGIN PASSWORD 'chosen-password'; RESET scram_iterations`)
  t.teardown(async () => {
    await admin.query(`DROP DATABASE ${database} WITH (FORCE)`)
    await admin.query('DROP ROLE scram_once, scram_once_dense, scram_often')
    await admin.end()
  })
  const connect = async (user: string, password: string): Promise<string | undefined> => {
    const client = new ScramClient({ host, port, database, user, password })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return (await client.query<{ name: string }>('SELECT current_user AS name')).rows[0]?.name
    } finally {
      await client.end()
    }
  }
  t.equal(await connect('scram_once', 'a derived password'), 'scram_once')
  t.equal(await connect('scram_once_dense', 'derived-password'), 'scram_once_dense')
  t.equal(await connect('scram_often', 'chosen-password'), 'scram_often')
  await t.rejects(connect('scram_once_dense', 'another-password'), { code: '28P01' })
})

/** A message of the server: its letter, then length and content. */
function say (letter: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(content.length + 4)
  return Buffer.concat([Buffer.from(letter), length, content])
}

function authentication (kind: number, text: string): Buffer {
  const code = Buffer.alloc(4)
  code.writeInt32BE(kind)
  return say('R', Buffer.concat([code, Buffer.from(text)]))
}

await t.test('a server that does not know the password itself is not believed', async (t) => {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write(authentication(10, 'SCRAM-SHA-256\0\0'))
      socket.once('data', (message: Buffer) => {
        const ours = /r=(.+)$/.exec(message.toString())?.[1] ?? ''
        socket.write(authentication(11, `r=${ours}more,s=c2FsdA==,i=1`))
        socket.once('data', () => { socket.write(Buffer.concat([authentication(12, `v=${Buffer.alloc(32).toString('base64')}`), authentication(0, ''), say('Z', Buffer.from('I'))])) })
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const client = new ScramClient({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, user: 'anyone', password: 'secret' })
  client.on('error', () => undefined)
  await t.rejects(client.connect(), /server signature does not match/)
  await client.end().catch(() => undefined)
})
