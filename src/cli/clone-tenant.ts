// `koinonia tenants clone`: a staging copy of an organization that can text no one.
import { type Command } from 'commander'
import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { cloneSaga, newClone } from '../tenancy/lifecycle/clone/clone-tenant.js'
import { type TenantId } from '../tenancy/tenant.js'
import { operationProgress } from './operation-progress.js'
import { asOperator, type Operator } from './operator.js'
import { audited, operatorName } from './operator-audit.js'
import { asTenantId } from './tenant-id.js'

interface Options { name: string, email: string, to?: string, passwordStdin?: true, json?: true }

export function cloneTenantCommand (tenants: Command): void {
  tenants.command('clone <id>')
    .description('make a staging copy of an organization: every phone number and e-mail address in it is made up, and nothing can be sent from it')
    .requiredOption('--name <name>', 'name of the copy')
    .requiredOption('--email <email>', 'address that its one admin signs in with; not one of the original\'s')
    .option('--to <server>', 'another database server than the original\'s')
    .option('--password-stdin', 'read the admin\'s password from standard input; otherwise one is made up and printed once')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia tenants clone h5q3m8d2k9x7w4v1 --name "Grace Chapel (staging)" --email staging@example.org')
    .action(async (id: string, options: Options) => {
      const given = options.passwordStdin === true ? (await text(process.stdin)).replace(/\r?\n$/, '') : undefined
      await asOperator(async (operator) => {
        const made = await clone(operator, asTenantId(id), options, given)
        console.log(options.json === true ? JSON.stringify(made) : describe(made))
      })
    })
}

async function clone (operator: Operator, original: TenantId, { name, email, to, json }: Options, given: string | undefined) {
  const { operations, passwords, keyring, clock, provisioner } = operator
  const { normalizePassword, refuseWeakPassword } = await import('../features/auth/password-rules.js')
  const password = given ?? randomBytes(18).toString('base64url')
  refuseWeakPassword(password, [email, email.split('@')[0] ?? '', name])
  const display = operationProgress('clone', json === true)
  return await audited(operator, {
    action: 'tenants.clone',
    subject: original,
    async run () {
      if (to !== undefined) await provisioner.recordServers()
      const state = newClone(keyring, { name, email, to, passwordHash: await passwords.hash(normalizePassword(password)), now: clock.now() })
      try {
        await operations.perform(cloneSaga, original, state, { requestedBy: operatorName(), onProgress: display.show })
      } finally {
        display.end()
      }
      const { server } = await operations.tenant(await made(operator, original, state.tenantId))
      return { id: state.tenantId, original, server: server.name, email, password: given === undefined ? password : null }
    }
  })
}

/** One that an earlier command began, with another admin, may have been finished instead. */
async function made ({ operations }: Operator, original: TenantId, wanted: string): Promise<TenantId> {
  const [last] = await operations.list({ tenantId: original, unfinishedOnly: false, limit: 1 })
  const id: unknown = Reflect.get(Object(last?.state) as object, 'tenantId')
  if (id !== wanted) throw new Error(`An earlier clone of ${original} had not ended and is done now: ${String(id)}. Run the command again for another.`)
  return asTenantId(wanted)
}

function describe ({ id, original, email, password }: Awaited<ReturnType<typeof clone>>): string {
  const signIn = password === null ? `${email} signs in with the password given.` : `${email} signs in with this password, which is shown once: ${password}`
  return `${id} is a copy of ${original}.\n${signIn}`
}
