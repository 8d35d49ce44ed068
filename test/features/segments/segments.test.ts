// /api/segments, and messages to them.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Message, type Recipient } from '../../../src/features/messages/schemas.js'
import { type SegmentPreview, type SegmentWithSize } from '../../../src/features/segments/schemas.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'

type Tap = Parameters<typeof buildTestApp>[0]
interface Items { items: Array<{ id: string, lastName: string }>, nextCursor: string | null }

const choir = { match: 'all', conditions: [{ field: 'tags', op: 'any', values: ['choir'] }] }

async function open (t: Tap) {
  const app = await buildTestApp(t)
  const organization = await app.signUp()
  await app.addNumber(organization)
  const api = apiOf(app.app, organization)
  const addMember = async (lastName: string, fields: object = {}) => {
    const phone = `+1615555${String(1_000 + Math.floor(Math.random() * 9_000))}`
    const { status, body } = await api<{ id: string }>('POST', '/members', { firstName: 'Ada', lastName, phone, optIn: { source: 'form' }, ...fields })
    if (status !== 201) throw new Error(JSON.stringify(body))
    return body.id
  }
  const save = async (name: string, filter: object = choir) => (await api<SegmentWithSize>('POST', '/segments', { name, filter })).body
  const got = async (to: object): Promise<string[]> => {
    const { status, body } = await api<Message>('POST', '/messages', { text: 'Hello', to })
    if (status !== 202) throw new Error(JSON.stringify(body))
    return (await api<{ items: Recipient[] }>('GET', `/messages/${body.id}/recipients`)).body.items.map(({ lastName, status }) => `${lastName ?? ''} ${status}`).sort()
  }
  return { app, organization, api, addMember, save, got }
}

void t.test('a segment is saved, read, changed, listed by name and deleted', async (t) => {
  const { api, addMember, save } = await open(t)
  for (const lastName of ['Cole', 'Berg', 'Adams']) await addMember(lastName, { tags: ['choir'] })
  await addMember('Dean', { tags: ['choir'], optIn: undefined })
  await addMember('Evans', { tags: ['youth'] })
  const first = await save('  Singers ')
  t.match(first, { name: 'Singers', filter: choir, memberCount: 4, optedInCount: 3 })
  t.match(await api('POST', '/segments', { name: 'singers', filter: choir }), { status: 409, code: 'SEGMENT_NAME_TAKEN' })
  const page = (await api<Items>('GET', `/segments/${first.id}/members?limit=3`)).body
  const rest = (await api<Items>('GET', `/segments/${first.id}/members?limit=3&cursor=${page.nextCursor ?? ''}`)).body
  t.same([page.items, rest.items].map((items) => items.map(({ lastName }) => lastName)), [['Adams', 'Berg', 'Cole'], ['Dean']])
  const second = await save('Awake', { match: 'any', conditions: [{ field: 'lastReplied', op: 'never' }] })
  t.match(await api('GET', `/segments/${second.id}/members?cursor=${page.nextCursor ?? ''}`), { status: 400, code: 'CURSOR_INVALID' }, 'a cursor is of one list')
  t.same((await api<Items>('GET', '/segments')).body.items.map(({ id }) => id), [second.id, first.id])
  const youth = { match: 'all', conditions: [{ field: 'tags', op: 'any', values: ['Youth'] }] }
  t.match(await api('PATCH', `/segments/${first.id}`, { filter: youth }), { status: 200, body: { name: 'Singers', filter: youth, memberCount: 1 } })
  t.match(await api('PATCH', `/segments/${first.id}`, { name: 'Awake' }), { status: 409, code: 'SEGMENT_NAME_TAKEN' })
  t.equal((await api('DELETE', `/segments/${first.id}`)).status, 204)
  for (const method of ['GET', 'DELETE'] as const) t.match(await api(method, `/segments/${first.id}`), { status: 404, code: 'SEGMENT_NOT_FOUND' })
})

void t.test('a preview counts and shows a sample, and saves nothing', async (t) => {
  const { api, addMember } = await open(t)
  for (let n = 0; n < 12; n++) await addMember(`Member${String(n).padStart(2, '0')}`, { tags: ['choir'] })
  const { status, body } = await api<SegmentPreview>('POST', '/segments/preview', { filter: choir })
  t.match([status, body.memberCount, body.optedInCount, body.sample.length, body.sample[0]], [200, 12, 12, 10, { lastName: 'Member00' }])
  t.same((await api<Items>('GET', '/segments')).body.items, [])
})

void t.test('what a filter can\'t mean is refused', async (t) => {
  const { api } = await open(t)
  const refused = async (condition: object, code = 'VALIDATION_FAILED', more: object = {}) => {
    t.match(await api('POST', '/segments', { name: 'x', filter: { match: 'all', conditions: [condition] } }), { code, ...more }, JSON.stringify(condition))
  }
  for (const condition of [{}, { field: 'phone', op: 'is', value: 'x' }, { field: 'firstName', op: 'is' }, { field: 'firstName', op: 'never' }, { field: 'joined', op: 'never' }, { field: 'joined', op: 'before', time: 'yesterday' },
    { field: 'joined', op: 'within', days: 0 }, { field: 'birthday', op: 'month', months: [13] }, { field: 'tags', op: 'any', values: [] }, { field: 'timeZone', op: 'any', values: ['Mars/Base'] },
    { field: 'custom', key: 'a\0', op: 'isSet' }, { field: 'custom', key: 'a', op: 'atLeast', value: '5' }, { field: 'firstName', op: 'is', value: 'x', more: 1 }]) await refused(condition)
  const nobody = randomUUID()
  await refused({ field: 'branches', op: 'none', values: [nobody] }, 'BRANCH_NOT_FOUND', { status: 404, body: { errors: [{ path: '/body/filter/conditions/0/values' }] } })
  await refused({ field: 'tags', op: 'any', values: ['basses'] }, 'TAG_NOT_FOUND', { status: 404 })
  t.match(await api('POST', '/segments', { name: 'x', filter: { match: 'all', conditions: [] } }), { code: 'VALIDATION_FAILED' })
})

void t.test('a message goes to a segment, or to anyone minus others', async (t) => {
  const { api, addMember, save, got } = await open(t)
  const branch = (await api<{ id: string }>('POST', '/branches', { name: 'North' })).body.id
  await addMember('Cole', { tags: ['choir'] })
  const berg = await addMember('Berg', { tags: ['choir', 'youth'] })
  await addMember('Adams', { branchIds: [branch] })
  const dean = await addMember('Dean', { tags: ['choir'], optIn: undefined })
  const { id: singers } = await save('Singers')
  t.same(await got({ segmentId: singers }), ['Berg queued', 'Cole queued'], 'those who have not opted in are passed by')
  t.same(await got({ all: true, except: { segmentIds: [singers] } }), ['Adams queued'])
  t.same(await got({ all: true, except: { tags: ['YOUTH'], branchIds: [branch] } }), ['Cole queued'])
  t.same(await got({ segmentId: singers, except: { memberIds: [berg] } }), ['Cole queued'])
  t.same(await got({ memberIds: [berg, dean], except: { tags: ['youth'] } }), ['Dean suppressed'])
  t.same(await got({ tags: ['choir'], except: { segmentIds: [(await save('Youth', { match: 'all', conditions: [{ field: 'tags', op: 'all', values: ['youth', 'choir'] }] })).id] } }), ['Cole queued'])
  const refused = async (to: object, code: string, path: string) => t.match(await api('POST', '/messages', { text: 'Hello', to }), { code, body: { errors: [{ path }] } })
  const nobody = randomUUID()
  await refused({ segmentId: nobody }, 'SEGMENT_NOT_FOUND', '/body/to/segmentId')
  await refused({ all: true, except: { segmentIds: [singers, nobody] } }, 'SEGMENT_NOT_FOUND', '/body/to/except/segmentIds')
  await refused({ all: true, except: { tags: ['basses'] } }, 'TAG_NOT_FOUND', '/body/to/except/tags')
  await refused({ all: true, except: { branchIds: [nobody] } }, 'BRANCH_NOT_FOUND', '/body/to/except/branchIds')
  await refused({ all: true, except: { memberIds: [nobody] } }, 'MEMBER_NOT_FOUND', '/body/to/except/memberIds')
  t.match(await api('POST', '/messages', { text: 'Hello', to: { all: true, except: {} } }), { code: 'VALIDATION_FAILED' })
  t.match(await api('POST', '/messages', { text: 'Hello', to: { all: true, except: { tags: ['choir'], branchIds: [branch] } } }), { code: 'AUDIENCE_EMPTY' })
})

void t.test('a segment that a scheduled message needs can\'t be deleted, and the refusal names the message', async (t) => {
  const { api, addMember, save } = await open(t)
  await addMember('Cole', { tags: ['choir'] })
  const [target, spared, free] = [await save('Target'), await save('Spared'), await save('Free')]
  const sendAt = new Date(Date.now() + 60_000)
  const to = { segmentId: target.id.toUpperCase(), except: { segmentIds: [spared.id] } }
  const message = (await api<Message>('POST', '/messages', { text: 'Hello', to, sendAt })).body
  for (const { id } of [target, spared]) {
    t.match(await api('DELETE', `/segments/${id}`), { status: 409, code: 'SEGMENT_IN_USE', body: { detail: new RegExp(message.id) } })
  }
  t.equal((await api('DELETE', `/segments/${free.id}`)).status, 204)
})

void t.test('nor can one that a recurring message with occurrences to come needs', async (t) => {
  const { app, organization, api, addMember, save } = await open(t)
  await addMember('Cole', { tags: ['choir'] })
  const [needed, over] = [await save('Needed'), await save('Over')]
  await app.services.tenancy.withTenant(organization.tenantId, async (db) => {
    const row = (name: string, segmentId: string, next: Date | null) => ({ name, rule: 'FREQ=WEEKLY', start_date: new Date(), wall_time: '10:00', time_zone: 'UTC', message: JSON.stringify({ text: 'x', to: { all: true, except: { segmentIds: [segmentId] } } }), next_occurrence_at: next })
    await db.insertInto('recurring_messages').values([row('Sundays', needed.id, new Date()), row('Last year', over.id, null)]).execute()
  })
  t.match(await api('DELETE', `/segments/${needed.id}`), { status: 409, code: 'SEGMENT_IN_USE', body: { detail: /Sundays/ } })
  t.equal((await api('DELETE', `/segments/${over.id}`)).status, 204)
})

void t.test('deleting a segment waits for a message that is being made for it', async (t) => {
  const { api, addMember, save } = await open(t)
  await addMember('Cole', { tags: ['choir'] })
  for (let n = 0; n < 8; n++) {
    const { id } = await save(`Segment ${n}`)
    const sendAt = new Date(Date.now() + 60_000)
    const [made, deleted] = await Promise.all([api('POST', '/messages', { text: 'Hello', to: { segmentId: id }, sendAt }), api('DELETE', `/segments/${id}`)])
    t.ok((made.status === 202 && deleted.status === 409) || (made.status === 404 && deleted.status === 204), `${made.status} and ${deleted.status}`)
  }
})
