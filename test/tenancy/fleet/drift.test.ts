// Drift: every kind of difference is found and printed as DDL, and that DDL, run, mends it.
import t from 'tap'
import { driftOf, findDrift } from '../../../src/tenancy/drift/find-drift.js'
import { ReferenceSchemas } from '../../../src/tenancy/drift/reference-schemas.js'
import { currentSchemaVersion } from '../../../src/tenancy/schema-version.js'
import { selectTenants, toTenant } from '../../../src/tenancy/tenant-rows.js'
import { runCli } from '../../cli/run-cli.js'
import { before, makeFleet } from '../../helpers/make-fleet.js'
import { openProvisioner } from '../../helpers/provisioning-ground.js'

t.setTimeout(240_000)

/** What somebody did by hand, and what is to be printed of it. `{role}` stands for the tenant's own. */
const planted: Array<[kind: string, did: string, printed: RegExp[]]> = [
  ['a table too many', 'CREATE TABLE leftovers (id int PRIMARY KEY, n text UNIQUE)', [/^DROP TABLE public\.leftovers CASCADE$/]],
  ['a table gone', 'DROP TABLE send_buckets', [/^CREATE TABLE public\.send_buckets \(\)$/, /^ALTER TABLE public\.send_buckets ADD COLUMN/, /^ALTER TABLE public\.send_buckets ADD CONSTRAINT \w+ PRIMARY KEY/]],
  ['a table unlogged', 'ALTER TABLE idempotency_keys SET UNLOGGED', [/^ALTER TABLE public\.idempotency_keys SET LOGGED$/]],
  ['a column too many', 'ALTER TABLE members ADD COLUMN nickname text', [/^ALTER TABLE public\.members DROP COLUMN nickname CASCADE$/]],
  ['a column gone', 'ALTER TABLE message_templates DROP COLUMN text', [/^ALTER TABLE public\.message_templates ADD COLUMN text text NOT NULL$/, /ADD CONSTRAINT message_templates_text_check CHECK/]],
  ['another type', 'ALTER TABLE members ALTER COLUMN time_zone TYPE varchar(99)', [/^ALTER TABLE public\.members ALTER COLUMN time_zone TYPE text USING time_zone::text$/]],
  ['another default', 'ALTER TABLE members ALTER COLUMN opt_in_state SET DEFAULT \'opted_in\'', [/^ALTER TABLE public\.members ALTER COLUMN opt_in_state SET DEFAULT 'pending'::text$/]],
  ['a default gone', 'ALTER TABLE members ALTER COLUMN created_at DROP DEFAULT', [/^ALTER TABLE public\.members ALTER COLUMN created_at SET DEFAULT (pg_catalog\.)?now\(\)$/]],
  ['null allowed', 'ALTER TABLE members ALTER COLUMN first_name DROP NOT NULL', [/^ALTER TABLE public\.members ALTER COLUMN first_name SET NOT NULL$/]],
  ['null forbidden', 'ALTER TABLE members ALTER COLUMN email SET NOT NULL', [/^ALTER TABLE public\.members ALTER COLUMN email DROP NOT NULL$/]],
  ['a check gone', 'ALTER TABLE members DROP CONSTRAINT members_opt_in_state_check', [/^ALTER TABLE public\.members ADD CONSTRAINT members_opt_in_state_check CHECK/]],
  ['another check', 'ALTER TABLE members ADD CONSTRAINT adults CHECK (birthday < \'2008-01-01\')', [/^ALTER TABLE public\.members DROP CONSTRAINT adults CASCADE$/]],
  ['a check changed', 'ALTER TABLE members DROP CONSTRAINT members_opt_in_state_check, ADD CONSTRAINT members_opt_in_state_check CHECK (true)',
    [/^ALTER TABLE public\.members DROP CONSTRAINT members_opt_in_state_check CASCADE$/, /^ALTER TABLE public\.members ADD CONSTRAINT members_opt_in_state_check CHECK/]],
  ['a foreign key gone', 'ALTER TABLE sessions DROP CONSTRAINT sessions_admin_id_fkey', [/^ALTER TABLE public\.sessions ADD CONSTRAINT sessions_admin_id_fkey FOREIGN KEY/]],
  ['a unique key more', 'ALTER TABLE members ADD CONSTRAINT one_email UNIQUE (email)', [/^ALTER TABLE public\.members DROP CONSTRAINT one_email CASCADE$/]],
  ['an index gone', 'DROP INDEX members_order', [/^CREATE INDEX members_order ON public\.members/]],
  ['an index too many', 'CREATE INDEX by_hand ON members (created_at)', [/^DROP INDEX public\.by_hand$/]],
  ['an index changed', 'DROP INDEX admins_email; CREATE INDEX admins_email ON admins (email)', [/^DROP INDEX public\.admins_email$/, /^CREATE UNIQUE INDEX admins_email ON public\.admins/]],
  ['a function changed', 'CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$', [/^CREATE OR REPLACE FUNCTION public\.refuse_change\(\)/]],
  ['a function too many', 'CREATE FUNCTION by_hand(a int) RETURNS int LANGUAGE sql AS \'SELECT a\'', [/^DROP FUNCTION public\.by_hand\(integer\) CASCADE$/]],
  ['a trigger gone', 'DROP TRIGGER audit_log_append_only ON audit_log', [/^CREATE TRIGGER audit_log_append_only BEFORE/]],
  ['a trigger switched off', 'ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only', [/^ALTER TABLE public\.audit_log ENABLE TRIGGER audit_log_append_only$/]],
  ['a trigger too many', 'CREATE TRIGGER by_hand BEFORE UPDATE ON members FOR EACH ROW EXECUTE FUNCTION refuse_change()', [/^DROP TRIGGER by_hand ON public\.members$/]],
  ['a view', 'CREATE VIEW everybody AS SELECT first_name FROM members', [/^DROP VIEW public\.everybody CASCADE$/]],
  ['a sequence', 'CREATE SEQUENCE by_hand', [/^DROP SEQUENCE public\.by_hand CASCADE$/]],
  ['a sequence changed', 'ALTER SEQUENCE event_numbers INCREMENT BY 7', [/^ALTER SEQUENCE public\.event_numbers AS bigint INCREMENT BY 1 /]],
  ['an enumeration', 'CREATE TYPE mood AS ENUM (\'glad\', \'sad\')', [/^DROP TYPE public\.mood CASCADE$/]],
  ['an extension', 'CREATE EXTENSION unaccent', [/^DROP EXTENSION unaccent CASCADE$/]],
  ['a schema', 'CREATE SCHEMA attic; CREATE TABLE attic.box (id int)', [/^DROP SCHEMA attic CASCADE$/, /^DROP TABLE attic\.box CASCADE$/]],
  ['a privilege granted', 'GRANT SELECT ON members TO PUBLIC', [/^REVOKE SELECT ON TABLE public\.members FROM PUBLIC CASCADE$/]],
  ['a privilege on one column', 'GRANT UPDATE (email) ON members TO PUBLIC', [/^REVOKE UPDATE \(email\) ON TABLE public\.members FROM PUBLIC$/]],
  ['a privilege taken away', 'REVOKE DELETE ON members FROM {role}', [/^GRANT DELETE ON TABLE public\.members TO "tenant_\w+"$/]],
  ['the database open to all', 'GRANT CONNECT ON DATABASE {role} TO PUBLIC', [/^REVOKE CONNECT ON DATABASE "tenant_\w+" FROM PUBLIC CASCADE$/]],
  ['the schema open to all', 'GRANT CREATE ON SCHEMA public TO PUBLIC', [/^REVOKE CREATE ON SCHEMA public FROM PUBLIC CASCADE$/]],
  ['a function closed', 'REVOKE EXECUTE ON FUNCTION refuse_change() FROM PUBLIC', [/^GRANT EXECUTE ON FUNCTION public\.refuse_change\(\) TO PUBLIC$/]],
  ['another owner', 'ALTER TABLE members OWNER TO postgres', [/^ALTER TABLE public\.members OWNER TO "tenant_\w+"$/]],
  ['row security', 'ALTER TABLE members ENABLE ROW LEVEL SECURITY; CREATE POLICY nobody ON members USING (false)', [/^DROP POLICY nobody ON public\.members$/, /^ALTER TABLE public\.members DISABLE ROW LEVEL SECURITY$/]],
  ['a generated column', 'ALTER TABLE recurring_messages DROP COLUMN topic; ALTER TABLE recurring_messages ADD COLUMN topic text NOT NULL DEFAULT \'messages\' REFERENCES topics ON DELETE RESTRICT',
    [/^ALTER TABLE public\.recurring_messages DROP COLUMN topic CASCADE, ADD COLUMN topic text GENERATED ALWAYS AS/]],
  ['an identity', 'ALTER TABLE message_queue ADD COLUMN number int GENERATED ALWAYS AS IDENTITY', [/^ALTER TABLE public\.message_queue DROP COLUMN number CASCADE$/]]
]

void t.test('each kind of drift is found, and what is printed mends it', async (t) => {
  const fleet = await makeFleet(t, 1, currentSchemaVersion())
  const id = fleet.ids[0]!
  const { provisioner } = await openProvisioner(t, fleet.registryUrl, { SPARE_TENANTS: 1 })
  await provisioner.refillSpares()
  t.match(await findDrift(provisioner.work, {}), { checked: 2, drifted: [], failed: [] }, 'a database as we make it has none')
  const { work } = fleet.provisioner
  const tenant = toTenant(await selectTenants(work.registry).where('tenants.id', '=', id).executeTakeFirstOrThrow())
  const references = new ReferenceSchemas(work)
  for (const [kind, did, printed] of planted) {
    await fleet.inside(id, did.replaceAll('{role}', `tenant_${id}`))
    const ddl = await driftOf(work, references, tenant)
    if (!kind.includes('table gone') && !kind.includes('schema')) t.ok(ddl.length <= printed.length, `${kind}: nothing else is printed: ${ddl.join('; ')}`)
    for (const pattern of printed) t.ok(ddl.some((statement) => pattern.test(statement)), `${kind}: ${ddl.join('; ')}`)
    for (const statement of ddl) await fleet.inside(id, statement)
    // What CASCADE took along is made again in a second round.
    for (const statement of await driftOf(work, references, tenant)) await fleet.inside(id, statement)
    t.strictSame(await driftOf(work, references, tenant), [], `${kind} is mended`)
  }
})

void t.test('tenants are held against their own version; the command prints DDL, says what failed, and exits with 1', async (t) => {
  const fleet = await makeFleet(t, 4)
  await fleet.provisioner.migrateTenants({ only: fleet.ids.slice(0, 2) })
  const clean = await runCli(fleet.registryUrl, ['doctor', '--drift'])
  t.match(clean, { code: 0, stdout: '-- 4 databases compared, all as their versions say.\n' })

  await fleet.inside(fleet.ids[0]!, 'DROP INDEX members_order')
  await fleet.inside(fleet.ids[2]!, 'CREATE TABLE events ()')
  await fleet.sql.query('UPDATE tenants SET schema_version = 16 WHERE id = $1', [fleet.ids[3]!])
  const found = await runCli(fleet.registryUrl, ['doctor', '--drift'])
  t.equal(found.code, 1)
  t.match(found.stdout, new RegExp(`-- Tenant ${fleet.ids[0]!} on primary, version ${currentSchemaVersion()}. In its database:\n\\\\connect tenant_${fleet.ids[0]!}\nCREATE INDEX members_order`))
  t.match(found.stdout, new RegExp(`-- Tenant ${fleet.ids[2]!} on primary, version ${before}[^]*DROP TABLE public.events CASCADE;`))
  t.match(found.stdout, /-- pgmigrations lacks 0016_events/, 'the registry says more than the database has')
  t.match(found.stdout, /3 of 4 databases are not what their versions say/)

  await fleet.sql.query('UPDATE tenants SET schema_version = 900 WHERE id = $1', [fleet.ids[3]!])
  await fleet.admin.query(`ALTER DATABASE tenant_${fleet.ids[1]!} WITH ALLOW_CONNECTIONS false`)
  const json = JSON.parse((await runCli(fleet.registryUrl, ['doctor', '--drift', '--json'])).stdout) as object
  t.match(json, { healthy: false, checked: 2, ahead: [fleet.ids[3]!], failed: [{ tenantId: fleet.ids[1]!, error: /not currently accepting/ }] })
  const { rows } = await fleet.admin.query('SELECT FROM pg_database WHERE datname LIKE \'koinonia_template_scratch%\'')
  t.equal(rows.length, 0, 'no scratch database is left')
})
