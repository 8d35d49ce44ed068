// An organization that texts: a number, and as many members as a row needs, their numbers encrypted as the API encrypts them.
import pg from 'pg'
import { createKeyring } from '../../src/crypto/keyring.js'
import { fieldCrypto } from '../../src/crypto/fields.js'
import { MASTER_KEY } from '../helpers/provisioning-ground.js'
import { type Bench } from './bench.js'
import { ownNumber, phoneOf } from './broadcast-orders.js'
import { type Koinonia, type Organization } from './koinonia.js'

export interface Congregation {
  organization: Organization
  /** On the organization's database. */
  client: pg.Client
  /** Makes them up to so many in all, who have opted in. */
  fillTo: (members: number) => Promise<void>
  /** Forgets every message, so that each run writes into tables as empty as the one before. */
  clear: () => Promise<void>
}

const rowsAtOnce = 5_000

export async function openCongregation (bench: Bench, koinonia: Koinonia): Promise<Congregation> {
  const organization = await koinonia.makeOrganization(0)
  const fields = fieldCrypto(createKeyring(MASTER_KEY), organization.tenantId)
  const client = new pg.Client({ connectionString: (await koinonia.databasesOf([organization]))[organization.tenantId] })
  await client.connect()
  bench.defer(() => client.end())
  await client.query("INSERT INTO phone_numbers (number, status, provider_number_id, messaging_profile_id) VALUES ($1, 'active', 'bench', 'bench')", [ownNumber])
  let made = 0
  return {
    organization,
    client,
    async fillTo (members) {
      for (; made < members; made = Math.min(made + rowsAtOnce, members)) {
        const phones = Array.from({ length: Math.min(rowsAtOnce, members - made) }, (_, row) => phoneOf(made + row))
        await client.query(`INSERT INTO members (first_name, last_name, phone_cipher, phone_hash, opt_in_state)
          SELECT 'Ada', 'Okafor', cipher, hash, 'opted_in' FROM unnest($1::bytea[], $2::bytea[]) AS n (cipher, hash)`, [phones.map(fields.encrypt), phones.map(fields.blindIndex)])
      }
      await client.query('VACUUM ANALYZE members')
    },
    async clear () {
      await client.query('TRUNCATE message_queue, message_recipients, messages, events CASCADE')
    }
  }
}
