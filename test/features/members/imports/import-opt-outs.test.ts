// A file that says who has unsubscribed: their texts are cancelled at once, all of a batch together.
import t from 'tap'
import { runImport } from '../../../../src/features/members/imports/run-import.js'
import { apiOf } from '../../../helpers/api.js'
import { buildTestApp } from '../../../helpers/build.js'
import { postImport, reportOf } from '../../../helpers/import.js'

const test = await buildTestApp(t)
const { app, services } = test

void t.test('whoever is unsubscribed in a file is opted out with that as evidence, and what waits for them is cancelled; others\' texts wait on', async (t) => {
  const church = await test.signUp()
  await test.addNumber(church)
  const api = apiOf(app, church)
  const phones = Array.from({ length: 30 }, (_, n) => `+16155550${100 + n}`)
  for (const phone of phones) await api('POST', '/members', { firstName: 'Ada', lastName: 'O', phone, optIn: { source: 'form' } })
  const { body: { id } } = await api<{ id: string }>('POST', '/messages', { text: 'Hello', to: { all: true } })
  const gone = phones.slice(0, 20)
  const posted = await postImport(app, church, `phone,sms status\n${gone.map((phone) => `${phone},unsubscribed`).join('\n')}\n${gone[0] ?? ''},subscribed\n+16155550999,stop\n`, { optInSource: 'Card' })
  t.equal(await runImport(services, church.tenantId, posted.body.id, new AbortController().signal), 'done')
  t.match((await api('GET', `/messages/${id}`)).body, { counts: { queued: 10, cancelled: 20 } })
  t.strictSame((await reportOf(app, church, posted.body.id)).map((line) => line.split(',').slice(1, 3).join(' ')), [...gone.map(() => 'updated opted_out'), 'duplicate same_phone_as_row_2 opted_out_stays', 'created opted_out'])
  const found = await services.tenancy.withTenant(church.tenantId, async (db) => ({
    members: await db.selectFrom('members').select(({ fn }) => ['opt_in_state', fn.countAll<string>().as('count')]).groupBy('opt_in_state').orderBy('opt_in_state').execute(),
    words: await db.selectFrom('consent_logs').select(['action', 'source', 'evidence', 'member_id']).where('action', '=', 'withdrawn').orderBy('id').execute()
  }))
  t.strictSame(found.members, [{ opt_in_state: 'opted_in', count: '10' }, { opt_in_state: 'opted_out', count: '21' }])
  t.equal(found.words.length, 21)
  t.match(found.words[0], { source: 'import', evidence: { importId: posted.body.id, row: 2, adminId: String }, member_id: String })
})
