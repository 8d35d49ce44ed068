// What the runner of operations promises to every saga: one at a time, each step recorded, undone or finished, taken up again, never for ever.
import t from 'tap'
import { Type } from 'typebox'
import { enterStatus, setStatus } from '../../../src/tenancy/lifecycle/enter-status.js'
import { defineSaga, type SagaOf } from '../../../src/tenancy/lifecycle/saga.js'
import { makeTenant, openOperations } from '../../helpers/operations-ground.js'
import { makeRegistry } from '../../helpers/provisioning-ground.js'

t.setTimeout(120_000)

interface Notes { count?: number }
type Act = (step: string, notes: Notes) => void | Promise<void>

/** Three steps that count up in what is recorded; the last is final. */
function counting (act: Act, undone: string[] = []): SagaOf<Notes> {
  const step = (name: string, final = false) => ({
    name,
    async run (_context: unknown, notes: Notes) {
      await act(name, notes)
      return { count: (notes.count ?? 0) + 1 }
    },
    undo: async () => { undone.push(name) },
    ...(final ? { final: true as const } : {})
  })
  return defineSaga({
    kind: 'counting',
    state: Type.Object({ count: Type.Optional(Type.Integer()) }),
    admit: async (trx, id) => { await enterStatus(trx, id, ['active'], 'suspended'); return {} },
    steps: [step('one'), step('two'), step('three', true)],
    complete: async (trx, id) => { await setStatus(trx, id, 'active') },
    withdraw: async (trx, id) => { await setStatus(trx, id, 'active') }
  })
}

const asked = { requestedBy: 'tests' }

async function ground (t: Parameters<typeof makeRegistry>[0] & { testdir: () => string }, act: Act, undone: string[] = []) {
  const registry = await makeRegistry(t)
  const saga = counting(act, undone)
  const process = await openOperations(t, registry.registryUrl, t.testdir(), { sagas: [saga] })
  const id = await makeTenant(process)
  const rows = async () => (await registry.sql.query<Record<string, unknown>>('SELECT status, step, undoing, state, attempts, error, owner FROM tenant_operations ORDER BY id')).rows
  const status = async () => (await registry.sql.query<{ status: string }>('SELECT status FROM tenants WHERE id = $1', [id])).rows[0]?.status
  return { ...process, saga, id, rows, status, registry }
}

void t.test('each step is recorded with what it found before the next begins, and the tenant\'s status ends with the row', async (t) => {
  const seen: unknown[] = []
  const g = await ground(t, async (step, notes) => {
    const [row] = await g.rows()
    seen.push([step, notes.count, row?.['step'], await g.status()])
  })
  const shown: string[] = []
  await g.operations.perform(g.saga, g.id, {}, { ...asked, onProgress: ({ step }) => { shown.push(step) } })
  t.strictSame(seen, [['one', undefined, null, 'suspended'], ['two', 1, 'one', 'suspended'], ['three', 2, 'two', 'suspended']])
  t.match(await g.rows(), [{ status: 'done', step: 'three', state: { count: 3 }, owner: null }])
  t.equal(await g.status(), 'active')
  t.strictSame(shown, ['one', 'two', 'three'])
})

void t.test('a step that fails is taken back with all before it, the last one first', async (t) => {
  const undone: string[] = []
  const g = await ground(t, (step) => { if (step === 'two') throw new Error('The disk is full') }, undone)
  await t.rejects(g.operations.perform(g.saga, g.id, {}, asked), { code: 'TENANT_OPERATION_FAILED', message: 'The disk is full. Everything is as it was before.' })
  t.strictSame(undone, ['two', 'one'])
  t.match(await g.rows(), [{ status: 'undone', error: 'The disk is full.' }])
  t.equal(await g.status(), 'active')
})

void t.test('from its final step on it is tried again with pauses, and after eight times waits for somebody to look', async (t) => {
  let mended = false
  const undone: string[] = []
  const g = await ground(t, (step) => { if (step === 'three' && !mended) throw new Error('The server is away') }, undone)
  await t.rejects(g.operations.perform(g.saga, g.id, {}, asked), { code: 'TENANT_OPERATION_FAILED', message: /The server is away\. A worker tries it again in 15 seconds/ })
  for (let attempt = 2; attempt <= 8; attempt++) {
    t.match(await g.rows(), [{ status: 'running', attempts: attempt - 1 }])
    await g.operations.runDue(new AbortController().signal)
    t.match(await g.rows(), [{ attempts: attempt - 1 }], 'not before its pause is over')
    await g.registry.sql.query('UPDATE tenant_operations SET run_after = now()')
    await g.operations.runDue(new AbortController().signal)
  }
  t.match(await g.rows(), [{ status: 'failed', step: 'two', attempts: 8, error: 'The server is away.' }])
  await g.registry.sql.query('UPDATE tenant_operations SET run_after = now()')
  await g.operations.runDue(new AbortController().signal)
  t.match(await g.rows(), [{ status: 'failed', attempts: 8 }], 'nobody tries it by himself any more')
  t.strictSame(undone, [])
  mended = true
  const [row] = await g.operations.list({ unfinishedOnly: true, limit: 10 })
  await g.operations.retry(row!.id)
  t.match(await g.rows(), [{ status: 'done', state: { count: 3 } }])
})

void t.test('one at a time for a tenant: another is refused, the same is not run twice, and two sweeps share what is due', async (t) => {
  let entered = (): void => undefined
  const atWork = new Promise<void>((resolve) => { entered = resolve })
  let letGo = (): void => undefined
  const held = new Promise<void>((resolve) => { letGo = resolve })
  let runs = 0
  const g = await ground(t, async (step) => {
    if (step !== 'one') return
    runs++
    entered()
    await held
  })
  const other = await openOperations(t, g.registry.registryUrl, t.testdir(), { sagas: [g.saga] })
  const running = g.operations.perform(g.saga, g.id, {}, asked)
  await atWork
  await t.rejects(other.operations.perform(g.saga, g.id, {}, asked), { code: 'TENANT_OPERATION_UNFINISHED' })
  await t.rejects(other.operations.perform({ ...g.saga, kind: 'another' }, g.id, {}, asked), { code: 'TENANT_OPERATION_UNFINISHED', message: /A counting of .* asked for by tests/ })
  await Promise.all([other.operations.runDue(new AbortController().signal), g.operations.runDue(new AbortController().signal)])
  letGo()
  await running
  t.equal(runs, 1)
})

void t.test('a process whose lease was taken over stops before its next step and records nothing', async (t) => {
  const steps: string[] = []
  const g = await ground(t, async (step) => {
    steps.push(step)
    if (steps.length === 1) await g.registry.sql.query('UPDATE tenant_operations SET owner = \'another\', lease_expires_at = now() - interval \'1 second\'')
  })
  await t.rejects(g.operations.perform(g.saga, g.id, {}, asked), { name: 'OperationLost' })
  t.match(await g.rows(), [{ status: 'running', step: null, owner: 'another' }])
  await g.operations.runDue(new AbortController().signal)
  t.strictSame(steps, ['one', 'one', 'two', 'three'], 'whoever takes it up repeats the step that was not recorded')
  t.match(await g.rows(), [{ status: 'done', state: { count: 3 } }])
})

void t.test('a worker that stops puts its operation down, and the next goes on at once', async (t) => {
  const stopping = new AbortController()
  const g = await ground(t, (step) => { if (step === 'one') stopping.abort() })
  await g.operations.begin(g.saga, g.id, {}, { requestedBy: 'tests', runAfter: new Date() })
  await g.operations.runDue(stopping.signal)
  t.match(await g.rows(), [{ status: 'running', step: 'one', owner: null, attempts: 0 }])
  await g.operations.runDue(new AbortController().signal)
  t.match(await g.rows(), [{ status: 'done' }])
})

void t.test('what has ended is forgotten in time, what has not never', async (t) => {
  let fails = false
  const g = await ground(t, (step) => { if (fails && step === 'three') throw new Error('The server is away') })
  await g.operations.perform(g.saga, g.id, {}, asked)
  fails = true
  await t.rejects(g.operations.perform(g.saga, g.id, {}, asked), { code: 'TENANT_OPERATION_FAILED' })
  await g.operations.prune(new Date(Date.now() - 60_000))
  t.equal((await g.rows()).length, 2)
  await g.operations.prune(new Date(Date.now() + 60_000))
  t.match(await g.rows(), [{ status: 'running' }])
})
