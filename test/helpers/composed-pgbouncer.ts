// PgBouncer with the very settings of docker-compose.yml, in front of a server of the test.
import { freePort } from '../../src/cli/free-port.js'
import { readCompose } from './compose-file.js'
import { killChild } from './embedded-postgres.js'
import { launchPgBouncer, makeSettings, pgBouncerVersion } from './pgbouncer-process.js'
import { connect } from './provisioning-ground.js'

interface Teardown { teardown: (run: () => Promise<void>) => unknown }

const askingItself = 'SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1 AND rolname LIKE \'tenant\\_%\' AND rolcanlogin'
export const PGBOUNCER_PASSWORD = 'of-the-role-of-the-pooler'

export async function composedPgBouncer (t: Teardown, server: { adminUrl: string, host: string, port: number }) {
  const { configs } = readCompose(new Proxy({ PGBOUNCER_PASSWORD }, { get: (given, name) => Reflect.get(given, name) as string | undefined ?? 'any' }))
  const content = (name: string): string => configs[name]?.content ?? ''
  const admin = await connect(server.adminUrl)
  await admin.query(content('pgbouncer-role').replace(/^\\connect postgres$/m, ''))
  if (!pgBouncerVersion().asksElsewhere) await admin.query('ALTER ROLE pgbouncer SUPERUSER')
  await admin.end()
  const port = await freePort()
  const { folder, remove } = await makeSettings((folder) => ({
    'pgbouncer.ini': content('pgbouncer').replace('/etc/pgbouncer', folder).replace('host=postgres port=5432', `host=${server.host} port=${server.port}`),
    'settings.ini': ofThisMachine(content('pgbouncer-settings'), folder, port),
    'userlist.txt': content('pgbouncer-users')
  }))
  let child = await launchPgBouncer(folder)
  t.teardown(async () => {
    await killChild(child)
    await remove()
  })
  return {
    port,
    /** For TENANT_POOLERS. */
    address: `127.0.0.1:${port}`,
    kill: () => killChild(child),
    restart: async () => { child = await launchPgBouncer(folder) }
  }
}

/** What an older one does not know is put as it can be said there: before 1.19 it asks for verifiers in the client's database, where only a superuser may. */
function ofThisMachine (settings: string, folder: string, port: number): string {
  const { prepares, asksElsewhere } = pgBouncerVersion()
  const known = prepares ? settings : settings.replace(/^max_prepared_statements.*$/m, '')
  const asking = asksElsewhere ? known : known.replace(/^auth_dbname.*$/m, '').replace(/^auth_query.*$/m, `auth_query = ${askingItself}`)
  return `${asking.replace('0.0.0.0', '127.0.0.1').replace('listen_port = 6432', `listen_port = ${port}`).replace('/etc/pgbouncer', folder)}\nunix_socket_dir =\n`
}
