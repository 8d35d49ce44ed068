// POST /api/messages to ten thousand members, beside the bare INSERT … SELECTs of the same rows.
import pg from 'pg'
import { type Bench, inPairs, type Row } from '../bench.js'
import { type Finding } from '../finding.js'
import { startKoinonia } from '../koinonia.js'

export const queueing: Row = { name: 'queueing', about: 'queueing a broadcast to 10,000, with and without variables; beside bare INSERT … SELECTs of the same rows', run }

const members = 10_000
const plain = 'Service starts at 10 this Sunday. See you there, and bring a friend!'
const personal = 'Hi {{firstName|friend}}, service starts at 10 this Sunday at {{organization}}. See you there!'

async function run (bench: Bench): Promise<Finding[]> {
  const koinonia = await startKoinonia(bench)
  const organization = await koinonia.makeOrganization(0)
  const url = (await koinonia.databasesOf([organization]))[organization.tenantId]
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  bench.defer(() => client.end())
  // As the API writes them, but for the numbers, which nobody reads here.
  await client.query(`INSERT INTO members (first_name, last_name, phone_cipher, phone_hash, opt_in_state)
    SELECT 'Ada', 'Okafor ' || n, sha256(n::text::bytea) || decode(md5(n::text), 'hex'), sha256(n::text::bytea), 'opted_in' FROM generate_series(1, ${members}) n`)
  await client.query('INSERT INTO phone_numbers (number, status, provider_number_id, messaging_profile_id) VALUES (\'+16155550100\', \'active\', \'bench\', \'bench\')')
  await client.query('VACUUM ANALYZE members')
  const post = async (text: string, path = '/api/messages') => {
    const begin = performance.now()
    const { counts, recipients } = await koinonia.post<{ counts?: { queued: number }, recipients?: number }>(path, { text, to: { all: true } }, organization.headers)
    const ms = performance.now() - begin
    if ((counts?.queued ?? recipients) !== members) throw new Error(`not everyone was reached by ${path}`)
    await clear(client)
    return ms
  }
  const findings: Finding[] = []
  for (const text of [plain, personal]) {
    const { ours, theirs } = await inPairs(bench, () => post(text), () => bare(client, text === plain ? 'NULL' : `'Hi ' || first_name || '${personal.slice(23)}'`), (ms) => `${ms.toFixed(1)} ms`)
    findings.push({
      row: 'queueing', work: `a message to ${members}, ${text === plain ? 'one text' : 'with variables'}`, against: 'bare INSERT … SELECTs', unit: 'ms', ours, theirs, goal: { atMost: 2.5 }, notes: ['over HTTP, from the request to its answer']
    })
  }
  const previews: number[] = []
  for (let n = 0; n < bench.runs + 1; n++) previews.push(await post(personal, '/api/messages/preview'))
  findings.push({ row: 'queueing', work: `a preview for ${members}, with variables`, unit: 'ms', ours: previews.slice(1), goal: { atMost: 1_000 }, notes: [] })
  return findings
}

/** The same rows by hand, in one transaction. `text`: SQL of each one's own. */
async function bare (client: pg.Client, text: string): Promise<number> {
  const begin = performance.now()
  await client.query('BEGIN')
  const { rows: [message] } = await client.query<{ id: string }>("INSERT INTO messages (kind, text, from_number) VALUES ('broadcast', $1, '+16155550100') RETURNING id", [plain])
  await client.query(`INSERT INTO message_recipients (message_id, phone_hash, member_id, phone_cipher, rendered_text, parts, encoding)
    SELECT $1, phone_hash, id, phone_cipher, ${text}, 1, 'gsm7' FROM members`, [message?.id])
  await client.query('INSERT INTO message_queue (message_id, phone_hash) SELECT $1, phone_hash FROM members', [message?.id])
  await client.query('COMMIT')
  const ms = performance.now() - begin
  await clear(client)
  return ms
}

/** Each run writes into tables as empty as the one before. */
async function clear (client: pg.Client): Promise<void> {
  await client.query('TRUNCATE message_queue, message_recipients, messages CASCADE')
}
