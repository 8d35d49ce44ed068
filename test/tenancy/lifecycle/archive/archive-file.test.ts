// An archive is a database once more, to the last byte, or it says what is wrong with it.
import { createHash, randomBytes } from 'node:crypto'
import type pg from 'pg'
import t, { type Test } from 'tap'
import { createKeyring } from '../../../../src/crypto/keyring.js'
import { type ArchiveHeader, readArchive, writeArchive } from '../../../../src/tenancy/lifecycle/archive/archive-file.js'
import { openSnapshot, readDatabase } from '../../../../src/tenancy/lifecycle/copy/read-database.js'
import { digestTable } from '../../../../src/tenancy/lifecycle/copy/table-digest.js'
import { listTables, qualified, readSequences, writeExactly } from '../../../../src/tenancy/lifecycle/copy/tables.js'
import { writeDatabase } from '../../../../src/tenancy/lifecycle/copy/write-database.js'
import { everyTypeRows, everyTypeSchema } from '../../../helpers/every-type.js'
import { connect, databaseUrl, MASTER_KEY } from '../../../helpers/provisioning-ground.js'
import { testServer } from '../../../helpers/test-server.js'

t.setTimeout(120_000)

const keyring = createKeyring(MASTER_KEY)
const quiet = { progress: () => undefined, signal: new AbortController().signal }
const header: ArchiveHeader = {
  tenantId: 'tchurch00000',
  schemaVersion: 1,
  madeAt: '2026-11-21T12:00:00.000Z',
  status: 'active',
  organization: { id: '01900000-0000-7000-8000-000000000001', kind: 'church', name: 'Grace', email: 'a@example.org', domain: null, timeZone: 'UTC', address: null, trialEndsAt: '2026-12-01T00:00:00.000Z', createdAt: '2026-11-01T00:00:00.000Z' },
  admins: [],
  numbers: []
}

/** A database of its own with the schema of every type, and a role that owns it. */
async function database (t: Test): Promise<pg.Client> {
  const { adminUrl } = await testServer()
  const admin = await connect(adminUrl)
  const name = `copy_${randomBytes(5).toString('hex')}`
  await admin.query(`CREATE ROLE ${name}`)
  await admin.query(`CREATE DATABASE ${name} OWNER ${name}`)
  const client = await connect(databaseUrl(adminUrl, name))
  await client.query(`SET ROLE ${name}`)
  await client.query(everyTypeSchema)
  t.teardown(async () => {
    await client.end().catch(() => undefined)
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await admin.query(`DROP ROLE ${name}`)
    await admin.end()
  })
  return client
}

async function everything (client: pg.Client): Promise<Record<string, unknown>> {
  await writeExactly(client)
  const found: Record<string, unknown> = { sequences: await readSequences(client) }
  for (const table of await listTables(client)) found[qualified(table)] = await digestTable(client, table)
  const { rows } = await client.query<object>(`SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) AS def, convalidated FROM pg_constraint WHERE contype = 'f'
    UNION ALL SELECT tgrelid::regclass::text, tgname, tgenabled::text, true FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2`)
  // Generated columns are not copied: they are compared by themselves.
  const { rows: generated } = await client.query<object>('SELECT upper_name, twice FROM public.parents ORDER BY id')
  return { ...found, rules: rows, generated }
}

async function archiveOf (client: pg.Client): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of writeArchive(keyring, header, readDatabase(client, quiet))) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function * inPieces (content: Buffer, size = 10_007): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size)
}

void t.test('a database with every type, cycles of foreign keys and triggers that refuse comes out of the archive equal in every table', async (t) => {
  const [source, target] = [await database(t), await database(t)]
  await source.query(everyTypeRows)
  await target.query('INSERT INTO parents (name) VALUES (\'what a migration wrote\')')
  const wanted = await everything(source)
  const content = await archiveOf(source)
  t.notOk(content.includes('what') || content.includes('Grace'), 'nothing can be read in the file')
  const archive = await readArchive(keyring, inPieces(content))
  t.strictSame(archive.header, header)
  const digests = await writeDatabase(target, archive.parts, quiet.signal)
  t.strictSame(await everything(target), wanted)
  t.match(wanted, { '"public"."Odd ""Name"': { rows: 7 }, '"public"."no_key"': { rows: 6 }, '"public"."empty"': { rows: 0 }, '"public"."parents"': { rows: 2 } })
  t.strictSame(digests.get('"public"."no_key"'), wanted['"public"."no_key"'])
  await t.rejects(target.query('DELETE FROM public.no_key'), /nothing may be written/, 'triggers are awake again')
  t.equal((await target.query<{ id: string }>('INSERT INTO public.parents (name) VALUES (\'next\') RETURNING id')).rows[0]?.id, '4', 'identities go on')
})

void t.test('a file that is changed, cut off, extended or somebody else\'s is refused with a reason, wherever it is, and nothing is written', async (t) => {
  const [source, target] = [await database(t), await database(t)]
  await source.query(everyTypeRows)
  const content = await archiveOf(source)
  const before = await everything(target)
  const { adminUrl } = await testServer()
  const { rows: [self] } = await target.query<{ name: string }>('SELECT current_database() AS name')
  const tried = async (file: Buffer, keys = keyring): Promise<void> => {
    const client = await connect(databaseUrl(adminUrl, self!.name))
    try {
      const archive = await readArchive(keys, inPieces(file))
      await writeDatabase(client, archive.parts, quiet.signal)
    } finally {
      await client.end()
    }
  }
  const changedAt = (at: number): Buffer => {
    const copy = Buffer.from(content)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  }
  const refused = { code: 'ARCHIVE_UNREADABLE' }
  await t.rejects(tried(content, createKeyring(createHash('sha256').update('another').digest())), { ...refused, message: /another MASTER_KEY/ })
  await t.rejects(tried(Buffer.from('PK\x03\x04 this is a zip file')), { ...refused, message: /no archive of Koinonia/ })
  await t.rejects(tried(Buffer.alloc(0)), refused)
  for (const at of [0, 20, 55, 68, 69, 75, Math.floor(content.length / 2), content.length - 17, content.length - 1]) await t.rejects(tried(changedAt(at)), refused, `changed at ${at}`)
  for (const length of [10, 40, 66, 68, 100, Math.floor(content.length / 2), content.length - 1]) {
    await t.rejects(tried(content.subarray(0, length)), refused, `cut off at ${length}`)
  }
  await t.rejects(tried(Buffer.concat([content, Buffer.from('x')])), refused, 'extended')
  const pieces = [content.subarray(0, 67), content.subarray(67, 67 + 4 + 65_536 + 16), content.subarray(67 + 65_556)]
  t.ok((pieces[2]?.length ?? 0) > 65_556, 'there are several pieces')
  await t.rejects(tried(Buffer.concat([pieces[0]!, pieces[2]!])), refused, 'a piece left out')
  await t.rejects(tried(Buffer.concat([pieces[0]!, pieces[2]!.subarray(0, 65_556), pieces[1]!, pieces[2]!.subarray(65_556)])), refused, 'two pieces exchanged')
  t.strictSame(await everything(target), before)
})

void t.test('what differs from the schema, or cannot be copied, is refused before anything is lost', async (t) => {
  const [source, target] = [await database(t), await database(t)]
  await source.query('CREATE TABLE extra (id integer)')
  const archive = await readArchive(keyring, inPieces(await archiveOf(source)))
  await t.rejects(writeDatabase(target, archive.parts, quiet.signal), { name: 'CopyDiffers', message: /no table "public"\."extra"/ })
  await source.query('CREATE TABLE public.split (id integer) PARTITION BY LIST (id)')
  await t.rejects(archiveOf(source), /public\.split is a partitioned/)
})

void t.test('memory does not grow with the tables', async (t) => {
  const [source, target] = [await database(t), await database(t)]
  await source.query('ALTER TABLE no_key DISABLE TRIGGER no_writing; INSERT INTO no_key SELECT repeat(md5(i::text), 30), i FROM generate_series(1, 150000) i')
  let [written, most] = [0, 0]
  const measured = async function * (file: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
    for await (const chunk of file) {
      written += chunk.length
      const { arrayBuffers, heapUsed } = process.memoryUsage()
      most = Math.max(most, arrayBuffers + heapUsed)
      yield chunk
    }
  }
  global.gc?.()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  const archive = await readArchive(keyring, measured(writeArchive(keyring, header, readDatabase(source, quiet))))
  await writeDatabase(target, archive.parts, quiet.signal)
  const grown = Math.round((most - arrayBuffers - heapUsed) / 1_048_576)
  t.comment(`150,000 rows of 970 bytes: ${Math.round(written / 1_048_576)} MB of archive, at most ${grown} MB more memory`)
  t.ok(grown < 100, `${grown} MB while 145 MB went through`)
})

void t.test('while a database is read its rows may change, and none of that is seen; its tables may not', async (t) => {
  const source = await database(t)
  await source.query(everyTypeRows)
  const { adminUrl } = await testServer()
  const { rows: [self] } = await source.query<{ name: string }>('SELECT current_database() AS name')
  const other = await connect(databaseUrl(adminUrl, self!.name))
  t.teardown(() => other.end())
  const [tables, before] = [await openSnapshot(source), await other.query<{ count: string }>('SELECT count(*) FROM parents')]
  await other.query('INSERT INTO parents (name) VALUES (\'written meanwhile\')')
  await other.query('SET lock_timeout = \'100ms\'')
  await t.rejects(other.query('ALTER TABLE parents ADD COLUMN late text DEFAULT now()::text'), { code: '55P03' }, 'a rewrite would empty the table for who reads it')
  const ends: unknown[] = []
  for await (const part of readDatabase(source, { ...quiet, tables })) if (part.part === 'table-end') ends.push(part.digest.rows)
  t.equal(ends[tables.findIndex(({ name }) => name === 'parents')], Number(before.rows[0]?.count))
  await other.query('ALTER TABLE parents ADD COLUMN late text')
})
