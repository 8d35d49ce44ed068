// `koinonia tenants rotate`: a new database password for one organization or for all, while requests go on.
import { type Command } from 'commander'
import { SingleBar } from 'cli-progress'
import { ConfigError } from '../config.js'
import { Problem } from '../errors.js'
import { rotateSaga } from '../tenancy/lifecycle/rotate-credentials.js'
import { type TenantId } from '../tenancy/tenant.js'
import { asOperator, type Operator } from './operator.js'
import { audited, operatorName } from './operator-audit.js'
import { asTenantId } from './tenant-id.js'

interface Options { all?: true, json?: true }
interface Rotated { id: string, credentialVersion: number | null, error: string | null }

export function rotateTenantsCommand (tenants: Command): void {
  tenants.command('rotate [id]')
    .description('give an organization\'s database role its next password; no request fails meanwhile')
    .option('--all', 'of every organization that is active or suspended; who fails is named, and the others go on')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: koinonia tenants rotate h5q3m8d2k9x7w4v1')
    .action(async (id: string | undefined, options: Options) => {
      if ((id === undefined) !== (options.all === true)) throw new ConfigError('Name one tenant, or say --all.')
      await asOperator(async (operator) => {
        const rotated = id === undefined ? await rotateAll(operator, options.json === true) : [await rotate(operator, asTenantId(id))]
        if (options.json === true) console.log(JSON.stringify(id === undefined ? rotated : rotated[0]))
        else print(rotated)
        if (rotated.some(({ error }) => error !== null)) process.exitCode = 1
      })
    })
}

async function rotate (operator: Operator, id: TenantId): Promise<Rotated> {
  return await audited(operator, {
    action: 'tenants.rotate',
    subject: id,
    async run () {
      await operator.operations.perform(rotateSaga, id, {}, { requestedBy: operatorName() })
      const { credentialVersion } = await operator.operations.tenant(id)
      return { id, credentialVersion, error: null }
    }
  })
}

async function rotateAll (operator: Operator, quiet: boolean): Promise<Rotated[]> {
  const rows = await operator.registry.selectFrom('tenants').select('id').where('status', 'in', ['active', 'suspended']).orderBy('id').execute()
  const bar = quiet || !process.stderr.isTTY ? undefined : new SingleBar({ format: 'rotate [{bar}] {value} of {total}  ETA {eta_formatted}', barCompleteChar: '=', barIncompleteChar: ' ', hideCursor: true, stream: process.stderr })
  bar?.start(rows.length, 0)
  const rotated: Rotated[] = []
  try {
    for (const { id } of rows) {
      rotated.push(await rotate(operator, asTenantId(id)).catch((error: unknown) => {
        if (!(error instanceof Problem)) throw error
        return { id, credentialVersion: null, error: error.message }
      }))
      bar?.increment()
    }
  } finally {
    bar?.stop()
  }
  return rotated
}

function print (rotated: Rotated[]): void {
  for (const { id, credentialVersion, error } of rotated) console.log(error === null ? `${id} has credential version ${credentialVersion}.` : `${id} failed: ${error}`)
  if (rotated.length === 0) console.log('There are no tenants.')
}
