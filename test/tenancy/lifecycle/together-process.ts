// A process that runs many operations at once, each until it stands at its point, and is killed as by a power cut when all do. Started by killTogether.
import { openOperations } from '../../helpers/operations-ground.js'
import { type Death } from '../../helpers/kill-together.js'
import { performOf } from './perform-of.js'

const [registryUrl = '', files = '', given = '[]', servers = ''] = process.argv.slice(2)
const deaths = JSON.parse(given) as Death[]
const ofTenant = new Map(deaths.map((death) => [death.tenantId, death]))
const failed = new Set<Death>()
const times = new Map<string, number>()
const never = new Promise<void>(() => undefined)
let standing = 0

/** `point#2` is where it comes the second time. With `failAt` only what follows the failure counts. */
async function arrive (death: Death | undefined, point: string): Promise<void> {
  if (death === undefined) return
  if (point === death.failAt && !failed.has(death)) {
    failed.add(death)
    throw new Error(`Failed at ${point}`)
  }
  if (death.failAt !== undefined && !failed.has(death)) return
  const nth = (times.get(`${death.tenantId} ${point}`) ?? 0) + 1
  times.set(`${death.tenantId} ${point}`, nth)
  if (death.point !== point && death.point !== `${point}#${nth}`) return
  if (++standing === deaths.length) process.kill(process.pid, 'SIGKILL')
  await never
}

const opened = await openOperations({ teardown: () => undefined }, registryUrl, files, {
  ...(servers === '' ? {} : { TENANT_SERVERS: servers }),
  async onStep (point, operationId) {
    const { tenant_id: id } = await opened.registry.db.selectFrom('tenant_operations').select('tenant_id').where('id', '=', operationId).executeTakeFirstOrThrow()
    await arrive(ofTenant.get(id), point)
  },
  async onProvisioning (point, tenantId) {
    // A staging copy is made for the operation of another.
    const made = await opened.registry.db.selectFrom('tenant_operations').select(['tenant_id', 'state']).where('kind', '=', 'clone').where('status', '=', 'running').execute()
    const original = made.find(({ state }) => Reflect.get(Object(state) as object, 'tenantId') === tenantId)?.tenant_id
    await arrive(ofTenant.get(original ?? tenantId), point)
  }
})

await Promise.all(deaths.map(async ({ tenantId, kind, point }) => {
  const error: unknown = await performOf(opened, kind, tenantId).then(() => undefined, (thrown: unknown) => thrown)
  console.error(`${kind} ended without coming to ${point}:`, error)
  process.exit(1)
}))
