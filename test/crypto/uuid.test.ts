// Ids of version 7.
import t from 'tap'
import { uuidv7 } from '../../src/crypto/uuid.js'

void t.test('has the form, version and variant of RFC 9562, and says when it was made', async (t) => {
  const now = Date.UTC(2031, 4, 6, 7, 8, 9, 123)
  const id = uuidv7(now)
  t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.equal(parseInt(id.replaceAll('-', '').slice(0, 12), 16), now)
})

void t.test('sorts by time and does not repeat', async (t) => {
  t.ok(uuidv7(1_700_000_000_000) < uuidv7(1_700_000_000_001))
  t.equal(new Set(Array.from({ length: 1_000 }, () => uuidv7(1_700_000_000_000))).size, 1_000)
})
