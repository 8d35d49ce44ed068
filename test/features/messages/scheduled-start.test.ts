// A message for later: settled and queued at its time, once, whatever dies in between.
import t from 'tap'
import { startDue } from '../../../src/features/messages/start-due.js'
import { startMessage, type Started } from '../../../src/features/messages/start-message.js'
import { type MessageWithAudience } from '../../../src/features/messages/schemas.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp, type BuildOptions } from '../../helpers/build.js'
import { until } from '../../helpers/until.js'

type Tap = Parameters<typeof buildTestApp>[0]

async function open (t: Tap, options: BuildOptions = {}) {
  let ahead = 0
  const clock = { now: () => new Date(Date.now() + ahead) }
  const app = await buildTestApp(t, { clock, ...options })
  const organization = await app.signUp()
  await app.addNumber(organization)
  const api = apiOf(app.app, organization)
  const read = async (id: string) => (await api<MessageWithAudience>('GET', `/messages/${id}`)).body
  return {
    app,
    api,
    read,
    tenantId: organization.tenantId,
    /** Moves the service's clock; the queue's goes on as it was. */
    later: (ms: number) => { ahead += ms },
    addMember: async (phone: string, tags: string[] = []) => (await api<{ id: string }>('POST', '/members', { firstName: 'Ada', lastName: phone.slice(-4), phone, tags, optIn: { source: 'form' } })).body.id,
    schedule: async (inMs: number, to: object = { all: true }) => (await api<MessageWithAudience>('POST', '/messages', { text: 'Later', to, sendAt: new Date(clock.now().getTime() + inMs) })).body,
    start: async (id: string): Promise<Started | undefined> => await app.services.tenancy.withTenant(organization.tenantId, async (db, tenant) => await startMessage(app.services, db, tenant, id)),
    jobs: async () => await app.registry.query<{ key: string, at: number }>("SELECT key, extract(epoch FROM run_at)::float8 * 1000 AS at FROM graphile_worker.jobs WHERE key LIKE 'start%' ORDER BY run_at")
  }
}

void t.test('who is in the audience when it leaves gets it, not who was when it was made', async (t) => {
  const { api, read, addMember, schedule, start, later } = await open(t)
  const early = await addMember('+16155550111', ['choir'])
  const leaving = await addMember('+16155550112', ['choir'])
  const stopped = await addMember('+16155550113', ['choir'])
  const message = await schedule(60_000, { tags: ['choir'] })
  const none = { queued: 0, sending: 0, sent: 0, delivered: 0, failed: 0, suppressed: 0, unknown: 0, cancelled: 0 }
  t.match(message, { status: 'scheduled', counts: none, audienceSize: 3 })
  const late = await addMember('+16155550114', ['choir'])
  await api('PATCH', `/members/${leaving}`, { tags: [] })
  await api('PATCH', `/members/${stopped}`, { optOut: {} })
  t.match(await read(message.id), { counts: none, audienceSize: 2 })
  t.equal(await start(message.id), undefined, 'its time has not come')
  later(60_000)
  t.same(await start(message.id), { chosen: 2, queued: 2 })
  t.match(await read(message.id), { status: 'sending', counts: { ...none, queued: 2 }, audienceSize: null })
  const { items } = (await api<{ items: Array<{ memberId: string }> }>('GET', `/messages/${message.id}/recipients`)).body
  t.same(items.map(({ memberId }) => memberId).sort(), [early, late].sort())
})

void t.test('many calls at once start it once', async (t) => {
  const { app, tenantId, addMember, schedule, start, later, read } = await open(t)
  await addMember('+16155550111')
  const other = await app.anotherProcess()
  const { id } = await schedule(1_000)
  later(1_000)
  const elsewhere = async () => await other.services.tenancy.withTenant(tenantId, async (db, tenant) => await startMessage({ ...other.services, clock: app.services.clock }, db, tenant, id))
  const started = await Promise.all([start(id), elsewhere(), start(id), elsewhere(), start(id)])
  t.same(started.filter((one) => one !== undefined), [{ chosen: 1, queued: 1 }])
  t.match(await read(id), { counts: { queued: 1 } })
  t.equal(await start(id), undefined)
})

void t.test('an audience that is empty by then fails it, and says why', async (t) => {
  const { api, read, addMember, schedule, start, later } = await open(t)
  const only = await addMember('+16155550111')
  const { id } = await schedule(1_000)
  await api('PATCH', `/members/${only}`, { optOut: {} })
  later(1_000)
  t.same(await start(id), { chosen: 0, queued: 0 })
  t.match(await read(id), { status: 'failed', errorCode: 'audience_empty', counts: { queued: 0, suppressed: 0 } })
  const named = await schedule(1_000, { memberIds: [only] })
  later(1_000)
  t.same(await start(named.id), { chosen: 1, queued: 0 })
  t.match(await read(named.id), { status: 'sent', errorCode: null, counts: { suppressed: 1 } })
})

void t.test('the job is there before the message is, with a deputy for a worker that dies', async (t) => {
  const { app, jobs, addMember, schedule, read } = await open(t, { carrier: true, config: { SEND_TIMEOUT_MS: 500, SEND_RECOVERY_MS: 1_500 } })
  await addMember('+16155550111')
  let calls = 0
  const enqueue = app.services.jobs.enqueue.bind(app.services.jobs)
  // What comes after the commit is lost, as in a crash.
  app.services.jobs.enqueue = async (job, payload, options) => {
    if (job.name === 'messages.start' && ++calls > 2) throw new Error('lost')
    await enqueue(job, payload, options)
  }
  const { id, sendAt } = await schedule(500)
  t.equal(calls, 4)
  const at = new Date(sendAt ?? 0).getTime()
  t.same(await jobs(), [{ key: `start:${id}`, at }, { key: `start:${id}:deputy`, at: at + 1_500 }])
  app.services.jobs.enqueue = enqueue
  await app.registry.query("UPDATE graphile_worker._private_jobs SET locked_at = now(), locked_by = 'dead' WHERE key = $1", [`start:${id}`])
  await app.startWorker()
  const done = await until(async () => {
    const now = await read(id)
    return now.status === 'sent' && now
  })
  t.match(done.counts, { queued: 0, suppressed: 0, cancelled: 0 })
})

void t.test('a start planned for a message that was refused does nothing', async (t) => {
  const { app, tenantId, jobs, schedule } = await open(t)
  t.match(await schedule(1_000, { tags: ['nobody'] }), { code: 'TAG_NOT_FOUND' })
  const [first] = await jobs()
  t.ok(first)
  await startDue(app.services, tenantId, (first?.key ?? '').split(':')[1])
  t.equal((await jobs()).length, 2, 'and plans nothing new')
})

void t.test('a job that comes before its time, by the service\'s clock, is planned again', async (t) => {
  const { app, tenantId, jobs, addMember, schedule, read } = await open(t)
  await addMember('+16155550111')
  const { id, sendAt } = await schedule(60_000)
  await app.registry.query('DELETE FROM graphile_worker._private_jobs')
  await startDue(app.services, tenantId, id)
  t.equal((await read(id)).status, 'scheduled')
  t.same((await jobs())[0], { key: `start:${id}`, at: new Date(sendAt ?? 0).getTime() })
})

void t.test('messages whose time passed unseen each get a start of their own', async (t) => {
  const { app, tenantId, jobs, addMember, schedule, later } = await open(t)
  await addMember('+16155550111')
  const past = [(await schedule(1_000)).id, (await schedule(2_000)).id]
  await schedule(60_000)
  await app.registry.query('DELETE FROM graphile_worker._private_jobs')
  later(3_000)
  await startDue(app.services, tenantId)
  t.same((await jobs()).map(({ key }) => key).sort(), past.flatMap((id) => [`start:${id}`, `start:${id}:deputy`]).sort())
  await app.services.provisioner.suspend(tenantId)
  await until(async () => await app.services.tenancy.withTenant(tenantId, async () => undefined).then(() => false, () => true))
  await t.resolves(startDue(app.services, tenantId, past[0]), 'a suspended organization is left alone')
})
