// The doctor's look at the registry: reachable, current, its clock, the job queue, and tenants that need somebody.
import { type Kysely, sql } from 'kysely'
import { migrationFiles } from '../registry/apply-migrations.js'
import { type RegistryDatabase } from '../registry/db.js'
import { currentSchemaVersion } from '../tenancy/schema-version.js'
import { checkFleet } from './check-fleet.js'
import { checkOperations } from './check-operations.js'
import { attempt, type Check, failed, ok, warning } from './check.js'
import { type Operator } from './operator.js'
import { checkVersion } from './server-facts.js'

const CLOCK_TOLERANCE_MS = 2_000
/** A job due for this long has no worker that takes it. */
const OVERDUE_MINUTES = 5
/** Workers stop a job long before; one locked for this long belongs to a worker that died. */
const LOCKED_MINUTES = 30

type Registry = Kysely<RegistryDatabase>

/** Without a connection or tables the others say nothing new, so it ends there; a clock that is off keeps nobody from looking further. */
export async function checkRegistry (operator: Pick<Operator, 'registry' | 'operations'>, now: () => Date): Promise<Check[]> {
  const { registry } = operator
  const connection = await attempt('registry', 'Check that the server runs and that REGISTRY_DATABASE_URL is right.', () => checkConnection(registry, now))
  if (connection.some(({ name, state }) => state === 'failed' && name !== 'clock')) return connection
  const schema = await attempt('registry schema', 'Run: koinonia migrate', () => checkSchema(registry))
  if (schema.some(({ state }) => state === 'failed')) return [...connection, ...schema]
  return [...connection, ...schema, ...await checkTenants(registry), ...await checkFleet(operator), ...await checkOperations(operator), ...await checkJobs(registry)]
}

async function checkConnection (registry: Registry, now: () => Date): Promise<Check[]> {
  await sql`SELECT 1`.execute(registry)
  const sent = now().getTime()
  const { rows: [answer] } = await sql<{ time: Date, number: number, version: string }>`
    SELECT clock_timestamp() AS time, current_setting('server_version_num')::integer AS number, current_setting('server_version') AS version`.execute(registry)
  if (answer === undefined) return []
  const latency = now().getTime() - sent
  const skew = Math.round(answer.time.getTime() - sent - latency / 2)
  return [
    ok('registry', `answers in ${latency} ms`),
    checkVersion('registry version', answer),
    Math.abs(skew) <= CLOCK_TOLERANCE_MS
      ? ok('clock', `${Math.abs(skew)} ms away from the registry's`)
      : failed('clock', `${Math.abs(skew)} ms ${skew > 0 ? 'behind' : 'ahead of'} the registry's`, 'Set both clocks by NTP: signatures and quiet hours depend on them.')
  ]
}

async function checkSchema (registry: Registry): Promise<Check[]> {
  const { rows: [answer] } = await sql<{ version: number }>`SELECT count(*)::integer AS version FROM pgmigrations`.execute(registry)
  const [version, known] = [answer?.version ?? 0, migrationFiles('registry').length]
  if (version < known) return [failed('registry schema', `version ${version} of ${known}`, 'Run: koinonia migrate')]
  return [version > known
    ? warning('registry schema', `version ${version}, newer than this code's ${known}`, 'Deploy the newer code here as well.')
    : ok('registry schema', `version ${version}`)]
}

async function checkTenants (registry: Registry): Promise<Check[]> {
  const version = currentSchemaVersion()
  const { rows: [count] } = await sql<{ serving: number, behind: number, failed: number, making: number }>`
    SELECT count(*) FILTER (WHERE status IN ('active', 'suspended'))::integer AS serving,
           count(*) FILTER (WHERE status IN ('active', 'suspended') AND schema_version < ${version})::integer AS behind,
           count(*) FILTER (WHERE migration_status = 'failed')::integer AS failed,
           count(*) FILTER (WHERE status = 'creating' AND provisioning_expires_at >= now())::integer AS making
    FROM tenants`.execute(registry)
  if (count === undefined) return []
  return [
    ok('tenants', `${count.serving} active or suspended, ${count.making} being made`),
    count.behind + count.failed === 0
      ? ok('tenant schemas', `all at version ${version}`)
      : failed('tenant schemas', `${count.behind} behind version ${version}, ${count.failed} failed to migrate`, 'Run: koinonia migrate. koinonia tenants show <id> has the error.')
  ]
}

async function checkJobs (registry: Registry): Promise<Check[]> {
  return await attempt('jobs', 'Run: koinonia migrate', async () => {
    const { rows: [count] } = await sql<{ waiting: number, failed: number, overdue: number, locked: number }>`
      SELECT count(*) FILTER (WHERE attempts < max_attempts)::integer AS waiting,
             count(*) FILTER (WHERE attempts >= max_attempts AND locked_at IS NULL)::integer AS failed,
             count(*) FILTER (WHERE attempts < max_attempts AND locked_at IS NULL AND run_at < now() - make_interval(mins => ${OVERDUE_MINUTES}))::integer AS overdue,
             count(*) FILTER (WHERE locked_at < now() - make_interval(mins => ${LOCKED_MINUTES}))::integer AS locked
      FROM graphile_worker.jobs`.execute(registry)
    if (count === undefined) return []
    const checks = [ok('jobs', `${count.waiting} waiting or running`)]
    if (count.overdue > 0) checks.push(failed('overdue jobs', `${count.overdue} due for over ${OVERDUE_MINUTES} minutes`, 'Start a worker: koinonia worker'))
    if (count.locked > 0) checks.push(failed('stuck jobs', `${count.locked} locked for over ${LOCKED_MINUTES} minutes`, 'Their worker died; another takes them over after four hours. Look into its log.'))
    if (count.failed > 0) checks.push(failed('failed jobs', `${count.failed} have used up their attempts: ${await failedTasks(registry)}`, 'Read last_error in graphile_worker.jobs, mend the cause, then reschedule them with graphile_worker.reschedule_jobs.'))
    return checks
  })
}

async function failedTasks (registry: Registry): Promise<string> {
  const { rows } = await sql<{ task: string, count: number }>`
    SELECT task_identifier AS task, count(*)::integer AS count FROM graphile_worker.jobs
    WHERE attempts >= max_attempts AND locked_at IS NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 5`.execute(registry)
  return rows.map(({ task, count }) => `${count} × ${task}`).join(', ')
}
