// A process that runs one operation, fails at one point if told so, and is killed as by a power cut at another. Started by the kill tests.
import { openOperations } from '../../helpers/operations-ground.js'
import { performOf } from './perform-of.js'

const [registryUrl = '', files = '', tenantId = '', kind = '', killAt = '', failAt = ''] = process.argv.slice(2)

const opened = await openOperations({ teardown: () => undefined }, registryUrl, files, {
  onStep (reached) {
    if (reached === killAt) process.kill(process.pid, 'SIGKILL')
    if (reached === failAt) throw new Error(`Failed at ${failAt}`)
  }
})
await performOf(opened, kind, tenantId)
process.exit(0)
