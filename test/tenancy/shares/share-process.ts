// A process of its own that takes a share and wants more than that: many requests of all tenants at a time, until it is told to stop.
import { loadConfig } from '../../../src/config.js'
import { openServices } from '../../../src/services.js'
import { type TenantId } from '../../../src/tenancy/tenant.js'
import { silent } from '../../helpers/provisioning-ground.js'
import { sql } from 'kysely'

const [registryUrl = '', ...ids] = process.argv.slice(2)
const services = await openServices(loadConfig(), registryUrl, silent)
const stopping = new AbortController()
let served = 0
const caller = async (index: number): Promise<void> => {
  while (!stopping.signal.aborted) {
    const id = ids[(index + served) % ids.length] as TenantId
    await services.tenancy.withTenant(id, (db) => sql`SELECT pg_sleep(0.005)`.execute(db)).then(() => { served++ }, () => undefined)
  }
}
const callers = Array.from({ length: 40 }, (_, index) => caller(index))
process.send?.({ started: true })
process.once('message', () => {
  stopping.abort()
  void Promise.all(callers).then(async () => {
    await services.close()
    process.send?.({ served })
    process.disconnect()
  })
})
