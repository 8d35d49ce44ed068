// A runner of a fleet migration that is killed as by a power cut when it has come to a step for the n-th time. Started by fleet.test.ts.
import { pino } from 'pino'
import { type FleetOrder } from '../../src/tenancy/provisioner.js'
import { type ProvisioningStep } from '../../src/tenancy/provisioning.js'
import { hasty } from '../helpers/make-fleet.js'
import { openProvisioner } from '../helpers/provisioning-ground.js'

const [registryUrl = '', order = '{}', lastStep, nth = '1'] = process.argv.slice(2)

let times = 0
const dieAt = (step: ProvisioningStep): void => {
  if (step === lastStep && ++times === Number(nth)) process.kill(process.pid, 'SIGKILL')
}

const { provisioner } = await openProvisioner({ teardown: () => undefined }, registryUrl, {}, { onStep: dieAt, fleetTiming: hasty, log: pino({ level: 'silent' }) })
await provisioner.migrateTenants(JSON.parse(order) as FleetOrder)
process.exit(0)
