// What a process remembers of sessions, when revocations and answers cross each other's way.
import { type KyselyPlugin } from 'kysely'
import t from 'tap'
import { buildTestApp, type TestApp } from '../helpers/build.js'

const ground = await buildTestApp(t)
const { sessionStates } = ground.app

async function startedAsking ({ app, services, signUp }: TestApp) {
  const { tenantId, admin, accessToken } = await signUp()
  const { sid: sessionId } = app.jwt.decode<{ sid: string }>(accessToken) ?? { sid: '' }
  const session = { tenantId, adminId: admin.id, sessionId }
  const lease = await services.tenancy.lease(tenantId)
  let deliver = (): void => undefined
  const delivered = new Promise<void>((resolve) => { deliver = resolve })
  const late: KyselyPlugin = {
    transformQuery: ({ node }) => node,
    async transformResult ({ result }) {
      await delivered
      return result
    }
  }
  const answer = app.sessionStates.find(lease.db.withPlugin(late), session).finally(() => { lease.release() })
  return { session, answer, deliver }
}

void t.test('an answer that nothing overtook is remembered, for that admin alone', async (t) => {
  const { session, answer, deliver } = await startedAsking(ground)
  deliver()
  t.equal(await answer, 'primary')
  t.equal(sessionStates.peek(session), 'primary')
  t.equal(sessionStates.peek({ ...session, adminId: 'another' }), undefined)
})

void t.test('an answer given before a revocation that was heard first is not remembered', async (t) => {
  const { session, answer, deliver } = await startedAsking(ground)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await sessionStates.announceRevoked([session])
  deliver()
  await answer
  t.equal(sessionStates.peek(session), undefined)
})

void t.test('nothing is remembered or believed while revocations cannot be heard', async (t) => {
  const deaf = await buildTestApp(t)
  const asked = [await startedAsking(deaf), await startedAsking(deaf)]
  asked[0]?.deliver()
  await asked[0]?.answer
  await deaf.services.listener.close()
  asked[1]?.deliver()
  await asked[1]?.answer
  for (const { session } of asked) t.equal(deaf.app.sessionStates.peek(session), undefined)
})
