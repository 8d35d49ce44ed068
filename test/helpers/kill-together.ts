// Kills one process in which many operations are under way, each at its own point, and lets their leases run out, as half a minute later.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { type Test } from 'tap'

export interface Death {
  tenantId: string
  kind: string
  point: string
  /** Where a step fails before, so that what is killed is the undoing. */
  failAt?: string
}

const program = fileURLToPath(new URL('../tenancy/lifecycle/together-process.js', import.meta.url))

/** Of one process, so that what stands holds no more connections than a process has. */
const atOnce = 10

/** `servers`: as the setting TENANT_SERVERS has them, if the registry's own is not the only one. */
export async function killTogether (t: Pick<Test, 'equal'>, { sql, args }: { sql: pg.Client, args: [registryUrl: string, files: string, servers?: string] }, deaths: readonly Death[]): Promise<void> {
  const [registryUrl, files, servers = ''] = args
  for (let from = 0; from < deaths.length; from += atOnce) {
    const some = deaths.slice(from, from + atOnce)
    const child = fork(program, [registryUrl, files, JSON.stringify(some), servers], { stdio: 'inherit' })
    const [code, signal] = await once(child, 'exit') as [number | null, string | null]
    t.equal(signal, 'SIGKILL', `killed at ${some.map(({ kind, point }) => `${kind} ${point}`).join(', ')}, not ended with ${String(code)}`)
  }
  await sql.query('UPDATE tenant_operations SET lease_expires_at = now() - interval \'1 second\', run_after = now() WHERE status = \'running\' AND owner IS NOT NULL')
}
