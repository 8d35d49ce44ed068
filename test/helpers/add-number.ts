// Gives an organization a number to text from without going through the ordering of numbers.
import { randomInt, randomUUID } from 'node:crypto'
import { type RunningCarrier } from '../../src/sandbox/carrier/start-carrier.js'
import { type TenantId } from '../../src/tenancy/tenant.js'
import { type TestProcess } from './build.js'
import { until } from './until.js'

export interface AddedNumber { id: string, number: string, providerNumberId: string, messagingProfileId: string }

export async function addNumber (
  { services, baseUrl }: Pick<TestProcess, 'services' | 'baseUrl'>, carrier: RunningCarrier | undefined, { tenantId }: { tenantId: TenantId }, phoneNumber?: string
): Promise<AddedNumber> {
  const number = phoneNumber ?? `+1615${randomInt(200, 999)}${String(randomInt(0, 10_000)).padStart(4, '0')}`
  const { providerNumberId, messagingProfileId } = carrier === undefined
    ? { providerNumberId: randomUUID(), messagingProfileId: randomUUID() }
    : await buy(carrier, number, `${baseUrl}/webhooks/telnyx`)
  const facts = { number, provider_number_id: providerNumberId, messaging_profile_id: messagingProfileId, status: 'active' as const }
  const { id } = await services.tenancy.withTenant(tenantId, async (db) => await db.insertInto('phone_numbers').values(facts).returning('id').executeTakeFirstOrThrow())
  await services.registry.insertInto('phone_number_registry')
    .values({ phone_number: number, channel: 'sms', tenant_id: tenantId, provider_number_id: providerNumberId, status: 'active' })
    .execute()
  return { id, number, providerNumberId, messagingProfileId }
}

async function buy (carrier: RunningCarrier, number: string, webhookUrl: string): Promise<Pick<AddedNumber, 'providerNumberId' | 'messagingProfileId'>> {
  const call = async (method: string, path: string, body?: unknown): Promise<never> => {
    const response = await fetch(carrier.baseUrl + path, {
      method,
      headers: { authorization: 'Bearer KEY_of_the_tests', 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    if (!response.ok) throw new Error(`The sandbox answered ${response.status}: ${await response.text()}`)
    return (await response.json() as { data: never }).data
  }
  const profile: { id: string } = await call('POST', '/messaging_profiles', { name: 'tests', whitelisted_destinations: ['US'], webhook_url: webhookUrl })
  await call('POST', '/number_orders', { phone_numbers: [{ phone_number: number }], messaging_profile_id: profile.id })
  const bought = await until(async () => {
    const numbers: Array<{ id: string }> = await call('GET', `/phone_numbers?filter[phone_number]=${encodeURIComponent(number)}`)
    return numbers[0]
  })
  return { providerNumberId: bought.id, messagingProfileId: profile.id }
}
