// The doctor's look at backups: organizations without one, or whose latest is old or could not be read back, once backups are made at all.
import { sql } from 'kysely'
import { attempt, type Check, failed, ok } from './check.js'
import { type Operator } from './operator.js'

/** How late a backup may be, and how often they are made where only a timer of the operator's knows. */
const [LATE_HOURS, USUAL_HOURS] = [6, 24]

export async function checkBackups ({ registry, config }: Pick<Operator, 'registry' | 'config'>): Promise<Check[]> {
  const byThemselves = config.BACKUP_EVERY_HOURS > 0
  const oldHours = LATE_HOURS + (byThemselves ? config.BACKUP_EVERY_HOURS : USUAL_HOURS)
  const due = sql`now() - make_interval(hours => ${sql.lit(oldHours)})`
  return await attempt('backups', 'Run: koinonia migrate', async () => {
    const { rows: [count] } = await sql<{ tenants: number, recent: number, missing: number, old: number, broken: number, any: boolean }>`
      SELECT count(*)::integer AS tenants, count(*) FILTER (WHERE NOT coalesce(latest.old, true))::integer AS recent,
             count(*) FILTER (WHERE latest.old IS NULL AND t.created_at < ${due})::integer AS missing,
             count(*) FILTER (WHERE latest.old)::integer AS old, count(*) FILTER (WHERE latest.verify_error IS NOT NULL)::integer AS broken,
             EXISTS (SELECT FROM tenant_backups WHERE kind = 'backup') AS any
      FROM tenants t LEFT JOIN LATERAL (
        SELECT b.created_at < ${due} AS old, b.verify_error FROM tenant_backups b WHERE b.tenant_id = t.id AND b.kind = 'backup' ORDER BY b.created_at DESC LIMIT 1
      ) latest ON true
      WHERE t.status IN ('active', 'suspended', 'moving')`.execute(registry)
    // Who backs the servers up as a whole needs none of ours.
    if (count === undefined || (!count.any && !byThemselves)) return [ok('backups', 'none are made by koinonia; BACKUP_EVERY_HOURS would make them')]
    const amiss = [[count.missing, 'without one'], [count.old, `whose latest is over ${oldHours} hours old`], [count.broken, 'whose latest can\'t be read back']] as const
    const said = amiss.filter(([tenants]) => tenants > 0).map(([tenants, what]) => `${tenants} ${what}`).join(', ')
    return [said === '' ? ok('backups', `${count.recent} of ${count.tenants} organizations have a recent one${count.recent < count.tenants ? ', the others are new' : ''}`) : failed('backups', `of ${count.tenants} organizations ${said}`, byThemselves ? 'Is a worker running? Why they failed: koinonia tenants operations --all. To make them now: koinonia tenants backup --all' : 'Run: koinonia tenants backup --all')]
  })
}
