// A migrated registry for one test: cloned from a template that is made once on the test server.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { migratedTemplate } from './migrated-template.js'
import { testServer } from './test-server.js'

export interface ClonedRegistry {
  url: string
  /** Runs with an administrator's connection to the registry's own database. */
  query: <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<Row[]>
  /** Drops it with every tenant database and role that belongs to it. */
  drop: () => Promise<void>
}

export async function cloneRegistry (): Promise<ClonedRegistry> {
  const { adminUrl } = await testServer()
  const name = `registry_${randomBytes(6).toString('hex')}`
  await withClient(adminUrl, async (admin) => {
    const template = await migratedTemplate(admin, adminUrl, 'registry')
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`)
    await admin.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`)
  })
  const url = databaseUrl(adminUrl, name)
  return {
    url,
    query: async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) => await withClient(url, async (client) => (await client.query<Row>(sql, values)).rows),
    async drop () {
      const tenants = await withClient(url, async (client) => (await client.query<{ database_name: string, role_name: string }>('SELECT database_name, role_name FROM tenants')).rows)
      await withClient(adminUrl, async (admin) => {
        for (const { database_name: database, role_name: role } of tenants) {
          await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
          await admin.query(`DROP ROLE IF EXISTS ${role}`)
        }
        await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
      })
    }
  }
}

async function withClient<T> (url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url)
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

function databaseUrl (adminUrl: string, database: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${database}`
  return url.href
}
