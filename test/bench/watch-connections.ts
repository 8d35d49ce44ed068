// How many connections the server really has, looked at every 20 ms.
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { type Bench } from './bench.js'

const everyMs = 20

export interface ConnectionWatch { stop: () => Promise<{ most: number, looks: number }> }

/** Counts everybody's but the benchmark's own and the peers', which say who they are; or, with `whose` peers, theirs alone. */
export async function watchConnections ({ postgres }: Bench, whose: 'koinonia' | 'peer'): Promise<ConnectionWatch> {
  const client = new pg.Client({ connectionString: postgres.adminUrl, application_name: 'bench' })
  await client.connect()
  await untilQuiet(client)
  const condition = whose === 'peer' ? "application_name = 'peer'" : "application_name NOT IN ('peer', 'bench')"
  let most = 0
  let looks = 0
  const stop = new AbortController()
  const watching = (async () => {
    while (!stop.signal.aborted) {
      const { rows } = await client.query<{ count: number }>({
        name: 'count',
        text: `SELECT count(*)::integer AS count FROM pg_stat_activity WHERE backend_type = 'client backend' AND ${condition}`
      })
      most = Math.max(most, rows[0]?.count ?? 0)
      looks++
      await pause(everyMs)
    }
  })()
  return {
    async stop () {
      stop.abort()
      await watching
      await client.end()
      return { most, looks }
    }
  }
}

/** Waits until the server has nothing left to do of the last measurement: its callers are gone, their requests may not be. */
async function untilQuiet (client: pg.Client): Promise<void> {
  for (let quiet = 0; quiet < 5;) {
    await pause(everyMs)
    const { rows } = await client.query<{ busy: boolean }>(`SELECT EXISTS (SELECT FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND (state = 'active' OR application_name = '')) AS busy`)
    quiet = rows[0]?.busy === false ? quiet + 1 : 0
  }
}
