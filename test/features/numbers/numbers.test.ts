import t from 'tap'
import { type OwnNumber } from '../../../src/features/numbers/schemas.js'
import { followOrder, type Following } from '../../../src/features/numbers/follow-order.js'
import { defaultSender } from '../../../src/features/numbers/default-sender.js'
import { problem } from '../../../src/errors.js'
import { type Carrier } from '../../../src/providers/carrier.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { apiOf, type Api } from '../../helpers/api.js'
import { buildTestApp } from '../../helpers/build.js'
import { until } from '../../helpers/until.js'

const numberOf = (area: string, line: number) => `+1${area}55501${String(line).padStart(2, '0')}`

void t.test('numbers', async (t) => {
  const { app, services, signUp, carrier, startWorker, baseUrl } = await buildTestApp(t, { carrier: { orderDelayMs: 30 } })
  const [church, studio] = [await signUp('church'), await signUp('studio')]
  const [api, other] = [apiOf(app, church), apiOf(app, studio)]

  const buy = async (as: Api, phoneNumber: string) => await as<OwnNumber>('POST', '/numbers', { phoneNumber })
  const settled = async (as: Api, id: string) => await until(async () => {
    const { body } = await as<OwnNumber>('GET', `/numbers/${id}`)
    return body.status !== 'pending' && body
  })
  const claims = async () => await services.registry.selectFrom('phone_number_registry').select(['phone_number', 'tenant_id', 'status', 'provider_number_id']).orderBy('phone_number').execute()
  const atCarrier = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${carrier?.baseUrl ?? ''}${path}`, { headers: { authorization: 'Bearer KEY_of_the_tests' } })
    return (await response.json() as { data: T }).data
  }
  const orders = async (number: string) => (await atCarrier<Array<{ phone_numbers: Array<{ phone_number: string }>, status: string, customer_reference: string }>>('/number_orders?page[size]=250'))
    .filter((order) => order.phone_numbers[0]?.phone_number === number)
  /** One run of the job, as the worker would do it, with a carrier that fails where the test says. */
  const follow = async (tenantId: TenantId, number: string, failing: Partial<Carrier> = {}, signal = AbortSignal.timeout(20_000)) => {
    const asked: string[] = []
    const following: Following = {
      tenantId,
      number,
      signal,
      watch: async () => { asked.push('watch') },
      again: async () => { asked.push('again') }
    }
    await followOrder({ ...services, carrier: { ...services.carrier, ...failing } }, following)
    return asked
  }
  const setBack = async (tenantId: TenantId, id: string, interval: { requested?: number, claim?: boolean }) => {
    await services.tenancy.withTenant(tenantId, async (db) => {
      await db.updateTable('phone_numbers').set({
        ...(interval.requested === undefined ? {} : { requested_at: new Date(Date.now() - interval.requested * 1000) }),
        ...(interval.claim === true ? { order_claimed_until: new Date(0) } : {})
      }).where('id', '=', id).execute()
    })
  }

  await t.test('an order that died between the purchase and the record of it is found again, and bought once', async (t) => {
    const number = numberOf('615', 1)
    const { body: { id } } = await buy(api, number)
    await t.rejects(follow(church.tenantId, number, {
      async orderNumber (order) {
        await services.carrier.orderNumber(order)
        throw new Error('killed right here')
      }
    }), /killed right here/)
    t.match((await api('GET', `/numbers/${id}`)).body, { status: 'pending' })
    t.same(await follow(church.tenantId, number), ['watch'], 'while the dead one\'s claim runs nobody else works on it')
    await setBack(church.tenantId, id, { claim: true })
    await follow(church.tenantId, number)
    t.match((await api('GET', `/numbers/${id}`)).body, { status: 'active', statusDetail: null, capabilities: ['sms', 'mms'] })
    t.equal((await orders(number)).length, 1)
    const [owned] = await atCarrier<Array<{ id: string, messaging_profile_id: string }>>(`/phone_numbers?filter[phone_number]=${number.slice(1)}`)
    t.same((await claims()).filter(({ phone_number: claimed }) => claimed === number), [{ phone_number: number, tenant_id: church.tenantId, status: 'active', provider_number_id: owned?.id }], 'the number\'s own id, not the order\'s')
    const profile = await atCarrier<{ name: string, webhook_url: string }>(`/messaging_profiles/${owned?.messaging_profile_id ?? ''}`)
    t.match(profile, { name: `${church.organization.name} (${church.tenantId})`, webhook_url: `${baseUrl}/webhooks/telnyx` })
    t.same(await services.tenancy.withTenant(church.tenantId, defaultSender), { number })
  })

  await t.test('an answer that was lost is no reason to buy again', async (t) => {
    const number = numberOf('615', 2)
    const { body: { id } } = await buy(api, number)
    const lost: Partial<Carrier> = {
      async orderNumber (order) {
        await services.carrier.orderNumber(order)
        throw problem('CARRIER_UNAVAILABLE')
      }
    }
    t.same(await follow(church.tenantId, number, { ...lost, findOrder: async () => undefined }), ['watch', 'again'])
    t.match((await api('GET', `/numbers/${id}`)).body, { status: 'pending', statusDetail: /did not answer/ })
    await follow(church.tenantId, number)
    t.equal((await settled(api, id)).status, 'active')
    t.equal((await orders(number)).length, 1)
  })

  await t.test('a refusal may be our own earlier order: that is looked up before the number is given up', async (t) => {
    const number = numberOf('615', 3)
    const { body: { id } } = await buy(api, number)
    let looks = 0
    await follow(church.tenantId, number, {
      findOrder: async (reference) => looks++ === 0 ? undefined : await services.carrier.findOrder(reference),
      async orderNumber (order) {
        await services.carrier.orderNumber(order)
        await until(async () => await services.carrier.findOwnedNumber(number))
        return await services.carrier.orderNumber(order)
      }
    })
    t.equal((await settled(api, id)).status, 'active')
    t.equal((await orders(number)).length, 1)
  })

  await t.test('two runs at once buy once', async (t) => {
    const number = numberOf('615', 4)
    const { body: { id } } = await buy(api, number)
    await Promise.all(Array.from({ length: 4 }, async () => await follow(church.tenantId, number)))
    t.equal((await settled(api, id)).status, 'active')
    t.equal((await orders(number)).length, 1)
  })

  await t.test('a number the account owns but did not sell to this organization is not given away', async (t) => {
    const number = numberOf('615', 5)
    const order = await services.carrier.orderNumber({ phoneNumber: number, messagingProfileId: (await services.carrier.ensureMessagingProfile('someone else', baseUrl)).id, reference: 'other' })
    await until(async () => (await services.carrier.getOrder(order.orderId)).status === 'success')
    const { body: { id } } = await buy(other, number)
    await follow(studio.tenantId, number)
    t.match((await other('GET', `/numbers/${id}`)).body, { status: 'failed', statusDetail: /does not sell/ })
    t.notOk((await claims()).some(({ phone_number: claimed }) => claimed === number), 'the claim is free again')
  })

  await t.test('an order that ends badly says why, and the number can be asked for again', async (t) => {
    const number = numberOf('615', 6)
    const { body: { id } } = await buy(api, number)
    await follow(church.tenantId, number, { orderNumber: async () => ({ orderId: '6ff1d3ee-0000-4000-8000-000000000000', status: 'failure' }) })
    t.match((await api('GET', `/numbers/${id}`)).body, { status: 'failed', statusDetail: /could not sell/ })
    t.notOk((await claims()).some(({ phone_number: claimed }) => claimed === number))
    t.equal((await buy(other, number)).status, 202, 'another organization may have it now')
    t.equal((await buy(api, number)).code, 'NUMBER_TAKEN')
    await follow(studio.tenantId, number)
    t.equal((await other<{ items: OwnNumber[] }>('GET', '/numbers')).body.items.find(({ phoneNumber }) => phoneNumber === number)?.status, 'active')
  })

  await t.test('a stuck order ends up failed where it can be seen; asking again finds the same order', async (t) => {
    const number = numberOf('615', 7)
    const { body: { id } } = await buy(api, number)
    const stuck: Partial<Carrier> = { getOrder: async (orderId) => ({ orderId, status: 'pending' }) }
    t.same(await follow(church.tenantId, number, stuck, AbortSignal.abort()), ['watch', 'again'])
    await setBack(church.tenantId, id, { requested: 3_700 })
    t.same(await follow(church.tenantId, number, stuck, AbortSignal.abort()), ['watch'])
    t.match((await api('GET', `/numbers/${id}`)).body, { status: 'failed', statusDetail: /given up after an hour/ })
    t.match(await buy(api, number), { status: 202, body: { id, status: 'pending', statusDetail: null } })
    await follow(church.tenantId, number)
    t.equal((await settled(api, id)).status, 'active')
    t.equal((await orders(number)).length, 1)
  })

  await t.test('a request that died before it wrote the number down leaves no claim behind', async (t) => {
    const number = numberOf('615', 8)
    await services.registry.insertInto('phone_number_registry').values({ phone_number: number, tenant_id: church.tenantId }).execute()
    await follow(church.tenantId, number)
    t.notOk((await claims()).some(({ phone_number: claimed }) => claimed === number))
    t.equal((await orders(number)).length, 0)
  })

  await t.test('with the worker running a bought number becomes active by itself; two organizations racing for one get one', async (t) => {
    await startWorker()
    const { body: { items } } = await api<{ items: Array<{ phoneNumber: string, locality: string, monthlyCostCents: number }> }>('GET', '/numbers/available?areaCode=312&limit=5')
    t.equal(items.length, 5)
    t.match(items[0], { phoneNumber: /^\+1312/, locality: 'CHICAGO', region: 'IL', monthlyCostCents: 100, capabilities: ['sms', 'mms', 'voice'] })
    const wanted = items[0]?.phoneNumber ?? ''
    const answers = await Promise.all([buy(api, wanted), buy(other, wanted), buy(api, wanted), buy(other, wanted)])
    t.same(answers.map(({ status }) => status).sort(), [202, 202, 409, 409])
    t.equal(new Set(answers.filter(({ status }) => status === 202).map(({ body }) => body.id)).size, 1, 'asking twice is one number')
    const winner = answers[0].status === 202 ? api : other
    const id = answers.find(({ status }) => status === 202)?.body.id ?? ''
    t.match(await settled(winner, id), { status: 'active', phoneNumber: wanted })
    t.equal((await orders(wanted)).length, 1)
    t.equal((await buy(winner, wanted)).code, 'NUMBER_TAKEN', 'it is theirs already')
    const loser = winner === api ? other : api
    t.equal((await loser('GET', `/numbers/${id}`)).code, 'NUMBER_NOT_FOUND')
    const after = await api<{ items: Array<{ phoneNumber: string }> }>('GET', '/numbers/available?areaCode=312&limit=5')
    t.notOk(after.body.items.some(({ phoneNumber }) => phoneNumber === wanted))
  })

  await t.test('what is not a number or not for sale is refused', async (t) => {
    t.equal((await buy(api, 'nonsense')).code, 'PHONE_INVALID')
    t.equal((await api('GET', '/numbers/available?areaCode=12')).code, 'AREA_CODE_INVALID')
    t.equal((await api('GET', '/numbers/available?areaCode=015')).code, 'AREA_CODE_INVALID')
    const { body } = await buy(api, '+442071838750')
    t.match(await settled(api, body.id), { status: 'failed', statusDetail: /does not sell/ })
  })

  await t.test('only the primary and the co-admins may spend the organization\'s money', async (t) => {
    const gym = await signUp('studio')
    await services.tenancy.withTenant(gym.tenantId, async (db) => await db.updateTable('admins').set({ role: 'staff' }).execute())
    const signedIn = await app.inject({ method: 'POST', url: '/api/auth/login', payload: { email: gym.email, password: gym.password } })
    const staff = apiOf(app, { headers: { authorization: `Bearer ${signedIn.json<{ accessToken: string }>().accessToken}` } })
    const refused = await buy(staff, numberOf('615', 20))
    t.equal(refused.code, 'ROLE_INSUFFICIENT')
    t.equal((await staff('GET', '/numbers')).status, 200)
  })

  await t.test('the list goes page by page, the oldest first', async (t) => {
    const { body: all } = await api<{ items: OwnNumber[] }>('GET', '/numbers')
    t.ok(all.items.length > 4)
    const { body: first } = await api<{ items: OwnNumber[], nextCursor: string }>('GET', '/numbers?limit=2')
    const { body: second } = await api<{ items: OwnNumber[] }>('GET', `/numbers?limit=2&cursor=${first.nextCursor}`)
    t.same([...first.items, ...second.items], all.items.slice(0, 4))
  })
})

void t.test('without an answer from the carrier nothing is bought, and the order waits', async (t) => {
  const { app, services, signUp } = await buildTestApp(t)
  const church = await signUp()
  const api = apiOf(app, church)
  t.equal((await api('GET', '/numbers/available')).code, 'CARRIER_UNAVAILABLE')
  const { body: { id } } = await api<OwnNumber>('POST', '/numbers', { phoneNumber: '+16155550100' })
  let again = 0
  await followOrder(services, { tenantId: church.tenantId, number: '+16155550100', signal: AbortSignal.abort(), watch: async () => undefined, again: async (inMs) => { again = inMs } })
  t.ok(again >= 1_000)
  t.match((await api('GET', `/numbers/${id}`)).body, { status: 'pending', statusDetail: /did not answer/ })
  await t.rejects(services.tenancy.withTenant(church.tenantId, defaultSender), { code: 'NO_SENDING_NUMBER' })
})
