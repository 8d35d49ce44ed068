// The engine's promises, each against real databases.
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { type TenantDb } from '../../src/tenancy/tenant.js'
import { makeTenants, openTenancy } from '../helpers/make-tenants.js'

const readNote = async (db: TenantDb, id: number) =>
  (await sql<{ body: string, name: string }>`SELECT body, current_database() AS name FROM notes WHERE id = ${id}`.execute(db)).rows[0]

await t.test('forty databases under a budget of eight never hold a ninth connection', async (t) => {
  const ground = await makeTenants(t, 40)
  const { tenancy } = await openTenancy(t, ground, { DATABASE_MAX_CONNECTIONS: 12, DATABASE_REGISTRY_CONNECTIONS: 4, DATABASE_WAIT_MS: 20_000 })
  const stop = new AbortController()
  let most = 0
  const polled = (async () => {
    while (!stop.signal.aborted) {
      const { rows } = await ground.admin.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name LIKE $1', [`koinonia:t${ground.mark}%`])
      most = Math.max(most, rows[0]!.count)
    }
  })()
  let served = 0
  await Promise.all(Array.from({ length: 60 }, async (_, caller) => {
    for (let turn = 0; turn < 20; turn++) {
      const id = ground.ids[(caller * 7 + turn * turn) % 40]!
      await tenancy.withTenant(id, async (db) => {
        const note = await readNote(db, turn + 1)
        t.same(note, { body: `note ${turn + 1}`, name: `tenant_${id}` })
        served++
      })
    }
  }))
  stop.abort()
  await polled
  t.equal(served, 1_200)
  t.ok(most > 4 && most <= 8, `at most ${most} connections were seen`)
  const [stats] = tenancy.stats().servers
  t.match(stats, { busy: 0, waiting: 0, openFailures: 0, waitsExceeded: 0 })
  t.ok(stats!.steals > 40)
  await tenancy.close()
  await pause(20)
  const { rows } = await ground.admin.query('SELECT 1 FROM pg_stat_activity WHERE application_name LIKE $1', [`koinonia:t${ground.mark}%`])
  t.equal(rows.length, 0, 'closing leaves no connection behind')
})
