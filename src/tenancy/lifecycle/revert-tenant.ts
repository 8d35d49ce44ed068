// Puts the database of a backup in the place of an organization's own: built beside it, exchanged in one transaction, the old one dropped last.
import { sql } from 'kysely'
import { escapeIdentifier } from 'pg'
import { Type } from 'typebox'
import { problem } from '../../errors.js'
import { headerSchema } from './archive/archive-file.js'
import { withFile } from './archive/prove-file.js'
import { replaceEmails } from './archive/registry-facts.js'
import { actAs, buildDatabase, dropScratch, inside, scratchName } from './build-database.js'
import { closeDatabase, openDatabase } from './close-database.js'
import { readSequences, type SequenceState, setSequence } from './copy/tables.js'
import { enterStatus, setStatus } from './enter-status.js'
import { holdUnsent } from './hold-unsent.js'
import { defineSaga, type OperationContext } from './saga.js'

const state = Type.Object({
  key: Type.String(),
  was: Type.Optional(Type.Enum(['active', 'suspended'])),
  schemaVersion: Type.Optional(Type.Integer()),
  admins: Type.Optional(headerSchema.properties.admins)
})

interface State { key: string, admins?: Array<{ emailHash: string, adminId: string }> }

/** What the organization's own database is called once the other has taken its place. */
const formerName = (operationId: string): string => `koinonia_former_${operationId.replaceAll('-', '')}`

export const revertSaga = defineSaga({
  kind: 'revert',
  state,
  // Refused as archived, not as suspended: resuming it meanwhile would let writes in that are then lost.
  admit: async (trx, tenantId) => ({ was: await enterStatus(trx, tenantId, ['active', 'suspended'], 'archived') }),
  steps: [
    { name: 'built', run: build, undo: async (context) => { await dropScratch(context, context.tenant.server.name, scratchName(context.operationId)) } },
    { name: 'closed', run: close, undo: openDatabase },
    { name: 'exchanged', run: exchange, undo: exchangeBack },
    { name: 'opened', final: true, run: open },
    { name: 'former-dropped', run: dropFormer }
  ],
  async complete (trx, tenantId, { was, schemaVersion }) {
    await trx.updateTable('tenants').set({
      status: was ?? 'suspended', schema_version: schemaVersion ?? 0, migration_status: 'done', migration_error: null, updated_at: sql<Date>`now()`
    }).where('id', '=', tenantId).execute()
  },
  withdraw: async (trx, tenantId, { was }) => { await setStatus(trx, tenantId, was ?? 'suspended') }
})

const siteOf = ({ tenant, operationId }: OperationContext) => ({ server: tenant.server.name, database: scratchName(operationId), role: tenant.roleName })

async function build (context: OperationContext, { key }: State) {
  const { tenant } = context
  return await withFile(context, key, async (archive) => {
    if (archive.header.tenantId !== tenant.id) throw problem('ARCHIVE_UNREADABLE', { detail: `The file is ${archive.header.tenantId}'s, not ${tenant.id}'s. Nothing was changed.` })
    const site = siteOf(context)
    const { schemaVersion } = await buildDatabase(context, site, archive)
    await inside(context, site, async (client) => {
      await actAs(client, site.role)
      await holdUnsent(client)
    })
    return { schemaVersion, admins: archive.header.admins }
  })
}

/** From now on nobody writes. What has been numbered since the backup, such as events that clients have seen, is not numbered again. */
async function close (context: OperationContext): Promise<undefined> {
  const { tenant } = context
  await closeDatabase(context)
  const own = { server: tenant.server.name, database: tenant.databaseName }
  const used = new Map((await sequencesIn(context, own)).map((sequence) => [nameOf(sequence), sequence]))
  await inside(context, siteOf(context), async (client) => {
    await actAs(client, tenant.roleName)
    for (const sequence of await readSequences(client)) {
      const former = used.get(nameOf(sequence))
      if (former !== undefined && BigInt(former.lastValue) > BigInt(sequence.lastValue)) await setSequence(client, former)
    }
  })
}

async function sequencesIn (context: OperationContext, site: { server: string, database: string }): Promise<SequenceState[]> {
  return await inside(context, site, async (client) => {
    await actAs(client, context.tenant.roleName)
    return await readSequences(client)
  })
}

const nameOf = ({ schema, name }: SequenceState): string => `${schema}.${name}`

async function exchange (context: OperationContext): Promise<undefined> {
  const { tenant, operationId } = context
  await rename(context, { ifThere: scratchName(operationId), from: [tenant.databaseName, scratchName(operationId)], to: [formerName(operationId), tenant.databaseName] })
}

async function exchangeBack (context: OperationContext): Promise<void> {
  const { tenant, operationId } = context
  await rename(context, { ifThere: formerName(operationId), from: [tenant.databaseName, formerName(operationId)], to: [scratchName(operationId), tenant.databaseName] })
}

/** Both or neither; nothing when it has been done before. */
async function rename ({ work, tenant, confirm }: OperationContext, { ifThere, from, to }: { ifThere: string, from: readonly [string, string], to: readonly [string, string] }): Promise<void> {
  await confirm()
  const statement = (index: 0 | 1): string => `ALTER DATABASE ${escapeIdentifier(from[index])} RENAME TO ${escapeIdentifier(to[index])}`
  await work.servers.connect(tenant.server.name, async (client) => {
    const { rows } = await client.query('SELECT FROM pg_database WHERE datname = $1', [ifThere])
    if (rows.length > 0) await client.query(`BEGIN; ${statement(0)}; ${statement(1)}; COMMIT`)
  })
}

async function open (context: OperationContext, { admins }: State): Promise<undefined> {
  const { work, tenant } = context
  await work.registry.transaction().execute((trx) => replaceEmails(trx, tenant.id, admins ?? []))
  await openDatabase(context)
}

async function dropFormer (context: OperationContext): Promise<undefined> {
  await dropScratch(context, context.tenant.server.name, formerName(context.operationId))
}
