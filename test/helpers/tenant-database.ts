// One migrated tenant database without a registry, for tests of verbs that need nothing else.
import { randomBytes } from 'node:crypto'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { fieldCrypto } from '../../src/crypto/fields.js'
import { createKeyring } from '../../src/crypto/keyring.js'
import { type TenantDatabase, type TenantDb, type TenantId } from '../../src/tenancy/tenant.js'
import { migratedTemplate } from './migrated-template.js'
import { testServer } from './test-server.js'

interface Teardown { teardown: (run: () => Promise<void>) => unknown }

export async function tenantDatabase (t: Teardown) {
  const server = await testServer()
  const name = `tenant_verbs_${randomBytes(6).toString('hex')}`
  const admin = new pg.Client(server.adminUrl)
  await admin.connect()
  await admin.query(`CREATE DATABASE ${name} TEMPLATE ${await migratedTemplate(admin, server.adminUrl, 'tenant')}`)
  const url = new URL(server.adminUrl)
  url.pathname = `/${name}`
  const pool = new pg.Pool({ connectionString: url.href, max: 8 })
  // The forced drop below may reach a backend before it has ended by itself.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  const db: TenantDb = new Kysely<TenantDatabase>({ dialect: new PostgresDialect({ pool }) })
  const tenantId = 'tverbs00000' as TenantId
  const keyring = createKeyring(Buffer.alloc(32, 7))
  t.teardown(async () => {
    await db.destroy()
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await admin.end()
  })
  return { db, tenantId, keyring, fields: fieldCrypto(keyring, tenantId), url: url.href }
}

export type TenantGround = Awaited<ReturnType<typeof tenantDatabase>>

/** `count` members with numbers +1615 555 0000 and on, all in this state of consent; in order. */
export async function addMembers ({ db, fields }: Pick<TenantGround, 'db' | 'fields'>, count: number, state: 'opted_in' | 'opted_out' | 'pending' = 'opted_in', firstLine = 0) {
  const phones = Array.from({ length: count }, (_, index) => `+1615${String(5_550_000 + firstLine + index)}`)
  const { rows } = await sql<{ id: string, phone_hash: Buffer, phone_cipher: Buffer }>`
    INSERT INTO members (first_name, last_name, phone_cipher, phone_hash, opt_in_state)
    SELECT 'Member', lpad(n::text, 6, '0'), c, h, ${state}
    FROM unnest(${phones.map((phone) => fields.encrypt(phone))}::bytea[], ${phones.map((phone) => fields.blindIndex(phone))}::bytea[]) WITH ORDINALITY AS p (c, h, n)
    RETURNING id, phone_hash, phone_cipher`.execute(db)
  return rows.map(({ id, phone_hash: phoneHash, phone_cipher: phoneCipher }, index) => ({ id, phoneHash, phoneCipher, phone: phones[index]! }))
}
