// A process that runs one operation and is killed as by a power cut at the named point. Started by the kill tests.
import { openOperations } from '../../helpers/operations-ground.js'
import { performOf } from './perform-of.js'

const [registryUrl = '', files = '', tenantId = '', kind = '', point = ''] = process.argv.slice(2)

const { operations } = await openOperations({ teardown: () => undefined }, registryUrl, files, {
  onStep: (reached) => { if (reached === point) process.kill(process.pid, 'SIGKILL') }
})
await performOf(operations, kind, tenantId)
process.exit(0)
