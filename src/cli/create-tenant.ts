// `koinonia tenants create`: signs an organization up as the API would, with the password from standard input.
import { type Command, Option } from 'commander'
import { text } from 'node:stream/consumers'
import { asOperator } from './operator.js'
import { audited } from './operator-audit.js'

interface Options { kind: 'church' | 'studio', name: string, email: string, firstName: string, lastName: string, timeZone?: string, passwordStdin?: true, json?: true }

export function createTenantCommand (tenants: Command): void {
  tenants.command('create')
    .description('sign an organization up; the password of its first admin is read from standard input')
    .addOption(new Option('--kind <kind>', 'what it is').choices(['church', 'studio']).makeOptionMandatory())
    .requiredOption('--name <name>', 'name of the organization')
    .requiredOption('--email <email>', 'e-mail address its first admin signs in with')
    .requiredOption('--first-name <name>', 'of the first admin')
    .requiredOption('--last-name <name>', 'of the first admin')
    .option('--time-zone <zone>', 'IANA name, such as America/Chicago')
    .requiredOption('--password-stdin', 'read the password from standard input, so that no shell history and no process list has it')
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const password = (await text(process.stdin)).replace(/\r?\n$/, '')
      const { register } = await import('../features/auth/register.js')
      await asOperator(async (operator) => {
        const { kind, name: organizationName, email, firstName, lastName, timeZone } = options
        const registration = { kind, organizationName, email, password, firstName, lastName, timeZone }
        const { tenantId, organization } = await audited(operator, {
          action: 'tenants.create',
          run: () => register(operator, registration, { address: null, userAgent: null, requestId: null }, (signedIn) => signedIn),
          note: (made) => ({ subject: made.tenantId })
        })
        operator.log.info({ tenantId }, 'tenant created by an operator')
        console.log(options.json === true ? JSON.stringify({ tenantId, organization }) : `${tenantId} is ready: ${organization.name}, trial until ${organization.trialEndsAt}.`)
      })
    })
}
