// Restoring from a file of one's own that is gone on with where the file is not.
import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { archiveTenant } from '../../../src/tenancy/lifecycle/request-archive.js'
import { requestDeletion } from '../../../src/tenancy/lifecycle/request-deletion.js'
import { killAt } from '../../helpers/kill-at.js'
import { place, tenantIn, traces } from '../../helpers/operation-traces.js'

t.setTimeout(60_000)

const sweep = new AbortController().signal
const asked = { requestedBy: 'tests' }

await t.test('killed before the file was in the storage and taken up where it is not, it ends as if nothing had been', async (t) => {
  const g = await tenantIn(await place(t))
  const { key } = await archiveTenant(g.opened.forFiles, g.id, asked)
  const path = join(g.files, `${g.id}.koinonia`)
  await copyFile(join(g.files, 'backups', key), path)
  await requestDeletion(g.opened.operations, g.id, { at: new Date(), now: true, ...asked })
  await g.opened.operations.runDue(sweep)
  await killAt(t, { sql: g.ground.sql, args: [...g.args, 'restore-file'], point: 'bringing' })
  await rm(path)
  await g.opened.operations.runDue(sweep)
  t.strictSame(await traces(g), { status: 'deleted', unfinished: 0, recorded: 0, databases: [], roles: 0, mayLogIn: undefined, files: 0, spooled: 0 })
  t.match((await g.opened.operations.list({ tenantId: g.id, unfinishedOnly: false, limit: 1 }))[0], { status: 'undone', error: /\.koinonia is not on the machine/ })
})
