import t from 'tap'
import { type Member } from '../../../src/features/members/schemas.js'
import { type Tag } from '../../../src/features/tags/schemas.js'
import { apiOf } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'

void t.test('tags', async (t) => {
  const { app, signUp } = await buildTestApp(t)
  const api = apiOf(app, await signUp('studio'))
  const add = async (line: number, tags: string[]) => (await api<Member>('POST', '/members', { firstName: 'Ada', lastName: 'O', phone: `+1615555${line}`, tags })).body
  const list = async () => (await api<{ items: Tag[] }>('GET', '/tags')).body.items

  await t.test('a tag is made when it is first used, and is one tag whatever the case', async (t) => {
    await add(1001, ['Yoga', 'morning'])
    t.same((await add(1002, ['YOGA', 'Evening', 'yoga'])).tags, ['Evening', 'Yoga'])
    t.same((await list()).map(({ name, memberCount }) => [name, memberCount]), [['Evening', 1], ['morning', 1], ['Yoga', 2]])
  })

  await t.test('two who use the same new tags at the same time do not get in each other\'s way', async (t) => {
    const names = ['r1', 'r2', 'r3', 'r4', 'r5']
    const added = await Promise.all(Array.from({ length: 8 }, async (_, n) => await add(1100 + n, n % 2 === 0 ? names : [...names].reverse())))
    for (const member of added) t.same(member.tags, names)
    t.same((await list()).filter(({ name }) => names.includes(name)).map(({ memberCount }) => memberCount), [8, 8, 8, 8, 8])
  })

  await t.test('they are added, renamed and deleted; their members stay', async (t) => {
    const { status, body: tag } = await api<Tag>('POST', '/tags', { name: ' Front  row ' })
    t.equal(status, 201)
    t.match(tag, { name: 'Front row', memberCount: 0 })
    t.equal((await api('POST', '/tags', { name: 'FRONT ROW' })).code, 'TAG_NAME_TAKEN')
    t.equal((await api('POST', '/tags', { name: '  ' })).code, 'VALIDATION_FAILED')
    const { id } = await add(1200, ['front row'])
    t.match((await api('PATCH', `/tags/${tag.id}`, { name: 'Back row' })).body, { name: 'Back row', memberCount: 1 })
    t.same((await api('GET', `/members/${id}`)).body['tags'], ['Back row'])
    t.equal((await api('PATCH', `/tags/${tag.id}`, { name: 'yoga' })).code, 'TAG_NAME_TAKEN')
    t.equal((await api('PATCH', `/tags/${tag.id}`, { name: 'BACK ROW' })).status, 200, 'its own name in another case is free to it')
    t.equal((await api('DELETE', `/tags/${tag.id}`)).status, 204)
    t.equal((await api('DELETE', `/tags/${tag.id}`)).code, 'TAG_NOT_FOUND')
    t.equal((await api('PATCH', `/tags/${tag.id}`, { name: 'x' })).code, 'TAG_NOT_FOUND')
    t.same((await api('GET', `/members/${id}`)).body['tags'], [])
  })

  await t.test('pages hold every tag once', async (t) => {
    const all = (await list()).map(({ name }) => name)
    const found: string[] = []
    let cursor: string | null = null
    do {
      const { body }: { body: { items: Tag[], nextCursor: string | null } } = await api('GET', `/tags?limit=3${cursor === null ? '' : `&cursor=${cursor}`}`)
      found.push(...body.items.map(({ name }) => name))
      cursor = body.nextCursor
    } while (cursor !== null)
    t.same(found, all)
  })
})
