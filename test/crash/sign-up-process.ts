// A process that signs up, makes a spare or abandons, and is killed as by a power cut once the named step is done. Started by sign-up.test.ts.
import { pino } from 'pino'
import { type ProvisioningStep } from '../../src/tenancy/provisioning.js'
import { newAdmin, newChurch, openProvisioner } from '../helpers/provisioning-ground.js'

const [registryUrl = '', act, lastStep] = process.argv.slice(2)

const dieAt = (step: ProvisioningStep): void => {
  if (step !== lastStep) return
  // The server is at work on CREATE DATABASE by then, and goes on after our end.
  if (step === 'database-creating') setTimeout(() => process.kill(process.pid, 'SIGKILL'), 5)
  else process.kill(process.pid, 'SIGKILL')
}

const { provisioner, tenancy } = await openProvisioner({ teardown: () => undefined }, registryUrl, { SPARE_TENANTS: 1 }, { onStep: dieAt, log: pino({ level: 'silent' }) })
if (act === 'make-spare') {
  await provisioner.refillSpares()
} else {
  const reservation = await provisioner.reserve(newChurch('Cut Off'))
  const { db, release } = await tenancy.leaseOf(reservation.tenant)
  const { id } = await db.insertInto('admins')
    .values({ email: 'cut@example.org', password_hash: 'none', first_name: 'Cut', last_name: 'Off', role: 'primary' })
    .returning('id').executeTakeFirstOrThrow()
  release()
  if (act === 'abandon') await provisioner.abandon(reservation)
  else if (lastStep === 'filled') process.kill(process.pid, 'SIGKILL')
  else await provisioner.activate(reservation, { ...newAdmin(), id })
}
process.exit(0)
