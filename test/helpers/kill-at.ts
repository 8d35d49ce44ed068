// Kills a process of its own at a point of an operation, and lets its lease run out, as half a minute later.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { type Test } from 'tap'

const program = fileURLToPath(new URL('../tenancy/lifecycle/operation-process.js', import.meta.url))

/** `failAt`: where a step fails before, so that what is killed is the undoing. */
export async function killAt (t: Pick<Test, 'equal'>, { sql, args, point, failAt = '' }: { sql: pg.Client, args: string[], point: string, failAt?: string }): Promise<void> {
  const child = fork(program, [...args, point, failAt], { stdio: 'inherit' })
  const [code, signal] = await once(child, 'exit') as [number | null, string | null]
  t.equal(signal, 'SIGKILL', `killed at ${point}, not ended with ${String(code)}`)
  await sql.query('UPDATE tenant_operations SET lease_expires_at = now() - interval \'1 second\', run_after = now() WHERE status = \'running\' AND owner IS NOT NULL')
}
