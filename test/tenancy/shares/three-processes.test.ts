// Three processes that each want more than there is, polled every 20 ms: never more connections than all of them may have.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { connect, makeRegistry, MASTER_KEY, newAdmin, newChurch, openProvisioner } from '../../helpers/provisioning-ground.js'
import { until } from '../../helpers/until.js'

t.setTimeout(240_000)

const TOTAL = 40
const program = fileURLToPath(new URL('share-process.js', import.meta.url))

void t.test('processes come, work, die and go, and PostgreSQL never has more than DATABASE_SERVER_CONNECTIONS of theirs', async (t) => {
  const ground = await makeRegistry(t)
  const { provisioner, tenancy, listener, registry } = await openProvisioner(t, ground.registryUrl)
  const tenants: string[] = []
  for (let index = 0; index < 6; index++) {
    const reservation = await provisioner.reserve(newChurch(`Church ${index}`))
    await provisioner.activate(reservation, newAdmin(`${index}@example.org`))
    tenants.push(reservation.tenant.id)
  }
  await tenancy.close(1_000)
  await listener.close()
  await registry.close()
  const databases = [ground.name, ...tenants.map((id) => `tenant_${id}`)]
  const [watcher, children] = [await connect(ground.adminUrl), new Set<ChildProcess>()]
  t.teardown(async () => {
    for (const child of children) child.kill('SIGKILL')
    await watcher.end()
  })
  let [most, polls] = [0, 0]
  const watching = new AbortController()
  const watch = async (): Promise<void> => {
    while (!watching.signal.aborted) {
      const { rows } = await watcher.query<{ count: number }>('SELECT count(*)::integer AS count FROM pg_stat_activity WHERE datname = ANY($1) AND application_name LIKE \'koinonia:%\'', [databases])
      most = Math.max(most, rows[0]?.count ?? 0)
      polls++
      await pause(20)
    }
  }
  const watched = watch()
  const start = async (): Promise<ChildProcess> => {
    const child = fork(program, [ground.registryUrl, ...tenants], {
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'test',
        LOG_LEVEL: 'silent',
        MASTER_KEY: MASTER_KEY.toString('base64'),
        JWT_SECRET: 'x'.repeat(32),
        OPERATOR_TOKEN: 'x'.repeat(24),
        DATABASE_SERVER_CONNECTIONS: String(TOTAL)
      }
    })
    children.add(child)
    const [said] = await once(child, 'message') as [object]
    t.strictSame(said, { started: true })
    return child
  }
  const granted = async () => (await ground.sql.query<{ granted: number }>('SELECT granted FROM process_shares ORDER BY granted')).rows.map((row) => row.granted)
  const first = await start()
  await until(async () => (await granted())[0] === 30, 20_000)
  const [second, third] = await Promise.all([start(), start()])
  await until(async () => (await granted()).join() === '12,12,12', 40_000)
  const killed = once(third, 'exit')
  third.kill('SIGKILL')
  await killed
  await pause(2_000)
  t.equal((await granted()).length, 3, 'the share of a process that died is kept for a while')
  for (const child of [first, second]) {
    const last = once(child, 'message')
    child.send('stop')
    const [{ served }] = await last as [{ served: number }]
    t.ok(served > 0)
  }
  watching.abort()
  await watched
  t.ok(most <= TOTAL, `${most} of ${TOTAL}, polled ${polls} times`)
  t.ok(most > 24, 'and they are used')
  t.strictSame((await granted()).length, 1, 'who stops gives its share back at once')
  t.comment(`at most ${most} of ${TOTAL} in ${polls} polls`)
})
