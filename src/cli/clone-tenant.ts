// `koinonia tenants clone`: a staging copy of an organization that can text no one.
import { type Command } from 'commander'
import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { Check } from 'typebox/value'
import { cloneSaga, type CloneState, cloneState, newClone } from '../tenancy/lifecycle/clone/clone-tenant.js'
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
    .option('--password-stdin', 'read the admin\'s password from standard input; otherwise one is made up and printed once, before the copy is begun')
    .option('--json', 'print JSON: a line with the password, if one was made up, and at the end one with the copy')
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
      const onAdmitted = (): void => {
        if (given === undefined) announce({ id: state.tenantId, original, email, password }, json === true)
      }
      try {
        await operations.perform(cloneSaga, original, state, { requestedBy: operatorName(), onProgress: display.show, onAdmitted })
      } finally {
        display.end()
      }
      const id = await copyMade(operator, original, state)
      return { id, original, server: (await operations.tenant(id)).server.name, email }
    }
  })
}

/** Before it begins: a worker finishes what a killed command leaves, and has the password's hash alone. */
function announce (copy: { id: string, original: string, email: string, password: string }, json: boolean): void {
  console.log(json ? JSON.stringify(copy) : `${copy.email} will sign in to ${copy.id} with this password, which is shown once: ${copy.password}`)
}

/** Instead of the one asked for it may be one that an earlier command had begun, with the password that it showed or was given. */
async function copyMade ({ operations }: Operator, original: TenantId, asked: CloneState): Promise<TenantId> {
  const [last] = await operations.list({ tenantId: original, unfinishedOnly: false, limit: 1 })
  if (!Check(cloneState, last?.state)) throw new Error(`What was cloned of ${original} is not on record. See: koinonia tenants operations --all`)
  const { tenantId, name, email } = last.state
  if (name !== asked.name || email !== asked.email) throw new Error(`An earlier clone of ${original} had not ended and is done now: ${tenantId}. Run the command again for another.`)
  return asTenantId(tenantId)
}

const describe = ({ id, original, email }: Awaited<ReturnType<typeof clone>>): string =>
  `${id} is a copy of ${original}. ${email} signs in with the password that was shown or given when it was begun.`
