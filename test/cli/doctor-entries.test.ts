// What `koinonia doctor --tenants` finds between the registry's indexes and the tenants' own admins and numbers, and what it mends.
import { randomBytes, randomUUID } from 'node:crypto'
import t from 'tap'
import { checkTenants } from '../../src/cli/check-tenants.js'
import { type Check } from '../../src/cli/check.js'
import { alignEmail, freeClaim, routeNumber } from '../../src/cli/mend-entries.js'
import { createKeyring } from '../../src/crypto/keyring.js'
import { prepareServices } from '../../src/services.js'
import { selectTenants, toTenant } from '../../src/tenancy/tenant-rows.js'
import { buildTestApp } from '../helpers/build.js'
import { silent } from '../helpers/provisioning-ground.js'
import { type SignedUp } from '../helpers/sign-up.js'
import { runCli } from './run-cli.js'

const test = await buildTestApp(t, { spares: 5 })
const { services, registry } = test
const operator = { ...services, registryUrl: registry.url }
const [well, unlisted, misled, ordered, other] = [await test.signUp(), await test.signUp(), await test.signUp(), await test.signUp(), await test.signUp()]
const tenantOf = async ({ tenantId }: SignedUp) => toTenant(await selectTenants(services.registry).where('tenants.id', '=', tenantId).executeTakeFirstOrThrow())
const signIn = async ({ email, password }: SignedUp) => (await test.app.inject({ method: 'POST', url: '/api/auth/login', payload: { email, password } })).statusCode
const route = async (number: string) => (await registry.query<{ tenant: string, status: string }>('SELECT tenant_id AS tenant, status FROM phone_number_registry WHERE phone_number = $1', [number]))[0]
const nobody = async (age: string, { tenantId }: SignedUp) => {
  const hash = randomBytes(32)
  await registry.query('INSERT INTO admin_email_index (email_hash, tenant_id, admin_id, created_at) VALUES ($1, $2, $3, now() - $4::interval)', [hash, tenantId, randomUUID(), age])
  return hash.toString('hex')
}
const claim = async (number: string, { tenantId }: SignedUp, status: string, age = '1 hour') => {
  await registry.query('INSERT INTO phone_number_registry (phone_number, tenant_id, status, updated_at) VALUES ($1, $2, $3, now() - $4::interval)', [number, tenantId, status, age])
}
const amiss = (checks: Check[]) => checks.filter(({ state }) => state !== 'ok').map(({ detail }) => detail).sort()

const [lost, waiting, taken, twice, released] = ['+16155550111', '+16155550112', '+16155550113', '+16155550114', '+16155550115'] as const

const forPeople = [
  `${taken} is active in ${ordered.tenantId}, but active for ${well.tenantId}, which gets its texts`,
  `${taken} is routed to ${well.tenantId}, which does not have it`,
  `${released} is active in ${ordered.tenantId}, but released in the index: texts to it are lost`,
  `${twice} is active in ${[ordered.tenantId, other.tenantId].sort().join(' and ')} and routed to none: texts to it are lost`,
  `${twice} is active in ${[ordered.tenantId, other.tenantId].sort().join(' and ')} and routed to none: texts to it are lost`,
  `+16155550102 is routed to ${other.tenantId}, which does not have it`
].sort()

/** The faults, all beside each other. @returns the hash, in hex, of an e-mail that nobody has */
async function plant (): Promise<string> {
  for (const number of [lost, waiting, taken, twice, released]) await test.addNumber(ordered, number)
  await registry.query('DELETE FROM admin_email_index WHERE tenant_id = $1', [unlisted.tenantId])
  await registry.query('UPDATE admin_email_index SET admin_id = $2, created_at = now() - interval \'1 hour\' WHERE tenant_id = $1', [misled.tenantId, randomUUID()])
  const stale = await nobody('1 hour', well)
  await services.tenancy.withTenant(other.tenantId, async (db) => {
    await db.insertInto('phone_numbers').values({ number: twice, status: 'active', provider_number_id: 'p', messaging_profile_id: 'm' }).execute()
  })
  await registry.query('DELETE FROM phone_number_registry WHERE phone_number = ANY($1)', [[lost, twice]])
  await registry.query('UPDATE phone_number_registry SET status = \'pending\' WHERE phone_number = $1', [waiting])
  await registry.query('UPDATE phone_number_registry SET status = \'released\' WHERE phone_number = $1', [released])
  await registry.query('UPDATE phone_number_registry SET tenant_id = $2, updated_at = now() - interval \'1 hour\' WHERE phone_number = $1', [taken, well.tenantId])
  await claim('+16155550101', other, 'pending')
  await claim('+16155550102', other, 'active')
  return stale
}

await t.test('an e-mail or a number that registry and tenant tell alike is no finding, nor one that is being written just now', async (t) => {
  await test.addNumber(well)
  await nobody('1 minute', well)
  await claim('+16155550100', well, 'pending', '1 minute')
  const progress: number[] = []
  t.strictSame(amiss(await checkTenants(operator, { onProgress: (done, total) => progress.push(done / total) })), [])
  t.strictSame(progress, [1, 2, 3, 4, 5].map((done) => done / 5))
})

let stale = ''

await t.test('who can\'t sign in and which texts are lost is told, with what is for a person; looking changes nothing', async (t) => {
  stale = await plant()
  const before = [await registry.query('SELECT * FROM admin_email_index ORDER BY 1, 2'), await registry.query('SELECT * FROM phone_number_registry ORDER BY 1')]
  const checks = await checkTenants(operator)
  const { admin: { id: lonely } } = unlisted
  t.strictSame(amiss(checks), [
    ...forPeople,
    `admin ${lonely} of ${unlisted.tenantId} has no entry and can't sign in`,
    `the entry of admin ${misled.admin.id} of ${misled.tenantId} leads to somebody else, so they can't sign in`,
    `e-mail ${stale.slice(0, 12)}… leads to ${well.tenantId}, where nobody has it`,
    `${lost} of ${ordered.tenantId} has no route: texts to it are lost`,
    `${waiting} of ${ordered.tenantId} has no route: texts to it are lost`,
    `+16155550101 is reserved for ${other.tenantId}, which is not buying it`
  ].sort())
  t.strictSame(checks.filter(({ state, fix }) => state !== 'ok' && fix === undefined).map(({ detail }) => detail).sort(), forPeople)
  for (const { next, state } of checks) if (state !== 'ok') t.ok(next)
  t.notMatch(JSON.stringify(checks), unlisted.email, 'no address is shown')
  t.strictSame([await registry.query('SELECT * FROM admin_email_index ORDER BY 1, 2'), await registry.query('SELECT * FROM phone_number_registry ORDER BY 1')], before)
  t.strictSame([await signIn(unlisted), await signIn(misled)], [401, 401])
})

await t.test('with another MASTER_KEY every entry looks wrong: that is said, none is mended, and a repair begun nevertheless is refused', async (t) => {
  const masterKey = randomBytes(32)
  const checks = await checkTenants({ ...operator, keyring: createKeyring(masterKey) })
  t.match(checks.filter(({ name, state }) => name === 'e-mail index' && state === 'failed'), [{ detail: /none of its \d+ entries/, next: /MASTER_KEY/ }])
  t.strictSame(checks.filter(({ fix }) => fix?.what.includes('mail')), [])
  const wrong = prepareServices({ ...services.config, MASTER_KEY: masterKey.toString('base64') }, registry.url, silent)
  t.teardown(() => wrong.close())
  await t.rejects(alignEmail({ ...wrong, registryUrl: registry.url }, await tenantOf(unlisted), stale), { code: 'DATABASE_UNAVAILABLE' })
})

await t.test('--fix mends what loses nothing: they sign in, texts are routed, the claim is free; the rest waits for a person', async (t) => {
  const { code, stdout, stderr } = await runCli(registry.url, ['doctor', '--tenants', '--fix', '--json'], { settings: { MASTER_KEY: services.config.MASTER_KEY } })
  const { healthy, checks, fixes } = JSON.parse(stdout) as { healthy: boolean, checks: Check[], fixes: Array<{ what: string, done: boolean }> }
  t.strictSame([code, healthy], [1, false], stderr)
  t.equal(fixes.length, 6)
  t.ok(fixes.every(({ done }) => done), stderr)
  for (const { what } of fixes) t.ok(stderr.indexOf(`  ${what}`) < stderr.indexOf('✔'), 'each is named before the first is done')
  t.strictSame(amiss(checks.filter(({ name }) => name.endsWith('index'))), forPeople)
  t.strictSame([await signIn(unlisted), await signIn(misled), await signIn(well)], [200, 200, 200])
  t.match([await route(lost), await route(waiting), await route(taken)], [
    { tenant: ordered.tenantId, status: 'active' }, { tenant: ordered.tenantId, status: 'active' }, { tenant: well.tenantId }
  ])
  t.strictSame([await route('+16155550101'), await route(twice)], [undefined, undefined])
})

await t.test('a repair looks once more: what has changed since it was offered is left alone', async (t) => {
  const tenant = await tenantOf(other)
  await t.rejects(routeNumber(operator, tenant, lost), /does not have it any more/)
  await t.rejects(routeNumber(operator, await tenantOf(ordered), taken), /Somebody else has it/)
  await services.tenancy.withTenant(other.tenantId, async (db) => { await db.insertInto('phone_numbers').values({ number: '+16155550103' }).execute() })
  await claim('+16155550103', other, 'pending')
  await t.rejects(freeClaim(operator, tenant, '+16155550103'), /buying it/)
  await registry.query('DELETE FROM admin_email_index WHERE tenant_id = ANY($1)', [[well.tenantId, unlisted.tenantId, misled.tenantId, ordered.tenantId, other.tenantId]])
  const checks = await checkTenants(operator)
  t.equal(checks.filter(({ fix }) => fix?.what.startsWith('enter admin')).length, 5, 'an index that was lost whole is written anew')
  for (const { fix } of checks) if (fix?.what.startsWith('enter admin') === true) await fix.run()
  t.equal(await signIn(well), 200)
})
