// The token in callback URLs.
import { randomBytes, randomUUID } from 'node:crypto'
import t from 'tap'
import { createKeyring } from '../../../src/crypto/keyring.js'
import { makeStatusToken, openStatusToken } from '../../../src/features/messages/status-token.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'

const keyring = createKeyring(Buffer.alloc(32, 1))
const address = { tenantId: 'tabcdefgh12345' as TenantId, messageId: randomUUID(), phoneHash: randomBytes(32) }

void t.test('a token opens to what it was made of, and is always the same', async (t) => {
  const token = makeStatusToken(keyring, address)
  t.same(openStatusToken(keyring, token), address)
  t.equal(makeStatusToken(keyring, address), token)
  t.match(token, /^[\w.-]+$/, 'it needs no escaping in a URL')
})

void t.test('an altered, foreign or malformed token opens to nothing', async (t) => {
  const token = makeStatusToken(keyring, address)
  t.equal(openStatusToken(createKeyring(Buffer.alloc(32, 2)), token), undefined)
  t.equal(openStatusToken(keyring, (token.startsWith('A') ? 'B' : 'A') + token.slice(1)), undefined)
  for (const other of ['', '.', 'x', 'x.y', `${token}.`, token.slice(0, -3), `${token}x`]) t.equal(openStatusToken(keyring, other), undefined, other)
})
