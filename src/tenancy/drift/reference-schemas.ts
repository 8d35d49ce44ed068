// What a tenant's schema is at a version: read from a scratch database that our migrations have just built on the same server.
import { randomBytes } from 'node:crypto'
import { escapeIdentifier, escapeLiteral } from 'pg'
import { applyMigrationsTo } from '../../registry/apply-migrations.js'
import { type Provisioning } from '../provisioning.js'
import { ownershipMark } from '../roles.js'
import { DATABASE_LOCALE, ensureOwner, SCRATCH_OWNER, TEMPLATE_PREFIX } from '../template.js'
import { type SchemaObject } from './compare-schemas.js'
import { readSchema } from './read-schema.js'

export class ReferenceSchemas {
  readonly #work: Provisioning
  readonly #known = new Map<string, Promise<SchemaObject[]>>()

  constructor (work: Provisioning) { this.#work = work }

  /** Built once for each version and server: servers may be of different versions themselves. */
  at (server: string, version: number): Promise<SchemaObject[]> {
    const key = `${server} ${version}`
    let known = this.#known.get(key)
    if (known === undefined) {
      known = build(this.#work, server, version)
      this.#known.set(key, known)
    }
    return known
  }
}

async function build (work: Provisioning, server: string, version: number): Promise<SchemaObject[]> {
  // By this name and mark the reconciler knows it for ours, and drops what a crash left.
  const name = `${TEMPLATE_PREFIX}scratch_${randomBytes(6).toString('hex')}`
  const database = escapeIdentifier(name)
  const mark = ownershipMark(await work.identity())
  await work.servers.connect(server, async (client) => {
    await ensureOwner(client, SCRATCH_OWNER)
    await client.query(`CREATE DATABASE ${database} OWNER ${SCRATCH_OWNER} ${DATABASE_LOCALE}`)
    await client.query(`COMMENT ON DATABASE ${database} IS ${escapeLiteral(mark)}; REVOKE ALL ON DATABASE ${database} FROM PUBLIC`)
  })
  try {
    return await work.servers.connect(server, async (inside) => {
      await inside.query('REVOKE ALL ON SCHEMA public FROM PUBLIC')
      await inside.query(`SET ROLE ${SCRATCH_OWNER}`)
      await applyMigrationsTo(inside, 'tenant', work.log, version)
      return await readSchema(inside, SCRATCH_OWNER)
    }, name)
  } finally {
    await work.servers.connect(server, (client) => client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`))
  }
}
