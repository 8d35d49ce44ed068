// What one look at a database server tells of it, and what is to be said of that.
import pg from 'pg'
import { type Logger } from 'pino'
import { type Config, type DatabaseServerSetting, tenantPoolers } from '../config.js'
import { type Check, failed, ok, warning } from './check.js'

type Budget = Pick<Config, 'DATABASE_MAX_CONNECTIONS' | 'DATABASE_SERVER_CONNECTIONS' | 'TENANT_SERVERS' | 'TENANT_POOLERS'>

export interface ServerFacts {
  connectMs: number
  /** As 180000. */
  number: number
  version: string
  /** Connections of everybody, those of this software, and those that ordinary roles may have in all. */
  used: number
  ours: number
  usable: number
  /** May create databases and roles. */
  administrator: boolean
  /** The database that has waited longest for its rows to be frozen, its age in transactions, and the age at which autovacuum should come. */
  oldest: string
  age: number
  freezeAge: number
}

/** Beyond this share of the usable connections the next deploy may find no room. */
const CROWDED = 0.9
/** PostgreSQL stops taking writes at some 2.1 thousand million transactions. */
const DANGEROUS_AGE = 1_000_000_000
/** Autovacuum comes at once its age, if it can. */
const LATE = 2

const facts = `
  SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS version,
         (SELECT count(*)::integer FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
         (SELECT count(*)::integer FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name LIKE 'koinonia:%') AS ours,
         current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer - current_setting('reserved_connections')::integer AS usable,
         (SELECT rolsuper OR (rolcreatedb AND rolcreaterole) FROM pg_roles WHERE rolname = current_user) AS administrator,
         old.datname AS oldest, old.age, current_setting('autovacuum_freeze_max_age')::integer AS "freezeAge"
  FROM (SELECT datname, age(datfrozenxid) AS age FROM pg_database ORDER BY 2 DESC LIMIT 1) old`

/** Over a connection of its own. Throws what connecting does. */
export async function readServerFacts (server: DatabaseServerSetting, config: Pick<Config, 'DATABASE_CONNECT_TIMEOUT_MS'>, log: Logger): Promise<ServerFacts> {
  const client = new pg.Client({ connectionString: server.adminUrl, application_name: 'koinonia:doctor', connectionTimeoutMillis: config.DATABASE_CONNECT_TIMEOUT_MS, statement_timeout: 10_000 })
  client.on('error', (error) => { log.warn({ err: error, server: server.name }, 'the connection that looks at a server broke') })
  const begun = performance.now()
  await client.connect()
  try {
    const connectMs = performance.now() - begun
    const { rows: [answer] } = await client.query<Omit<ServerFacts, 'connectMs'>>(facts)
    if (answer === undefined) throw new Error('The server did not tell about itself')
    return { connectMs, ...answer }
  } finally {
    await client.end()
  }
}

export function judgeServer (server: string, facts: ServerFacts, config: Budget): Check[] {
  const name = `server ${server}`
  return [
    ok(name, `connects in ${facts.connectMs.toFixed(1)} ms`),
    checkVersion(`${name} version`, facts),
    ...(facts.administrator ? [] : [failed(`${name} privileges`, 'the role of its URL may not create databases and roles', 'Give it CREATEDB and CREATEROLE.')]),
    judgeConnections(`${name} connections`, facts, config, tenantPoolers(config).has(server)),
    judgeAge(`${name} transaction age`, facts)
  ]
}

export function checkVersion (name: string, { number, version }: { number: number, version: string }): Check {
  return number >= 180_000 ? ok(name, `PostgreSQL ${version}`) : failed(name, `PostgreSQL ${version}`, 'Upgrade to PostgreSQL 18 or later.')
}

function judgeConnections (name: string, { used, ours, usable }: ServerFacts, { DATABASE_MAX_CONNECTIONS: each, DATABASE_SERVER_CONNECTIONS: all }: Budget, pooled: boolean): Check {
  const detail = `${used} of ${usable} in use, ${ours} by Koinonia; ${all === undefined ? `each process takes up to ${each}` : `its processes may have ${all} together`}`
  // What a pooler keeps open is its own affair.
  if (all !== undefined && ours > all && !pooled) return failed(name, detail, 'More than the budget: is DATABASE_SERVER_CONNECTIONS the same for every process? Commands come on top of it.')
  if ((all ?? each) > usable) return failed(name, detail, 'The budget is more than there is: lower DATABASE_SERVER_CONNECTIONS or DATABASE_MAX_CONNECTIONS, or raise max_connections.')
  if (used < usable * CROWDED) return ok(name, detail)
  return warning(name, detail, 'Lower DATABASE_MAX_CONNECTIONS, run fewer processes, or raise max_connections.')
}

function judgeAge (name: string, { oldest, age, freezeAge }: ServerFacts): Check {
  const detail = `${oldest} is ${age} transactions old; autovacuum should come at ${freezeAge}`
  const next = 'Look why it does not come: long transactions, prepared ones, replication slots. Then, in that database: VACUUM (FREEZE).'
  if (age > DANGEROUS_AGE) return failed(name, detail, next)
  return age > LATE * freezeAge ? warning(name, detail, next) : ok(name, `${age} at most`)
}
