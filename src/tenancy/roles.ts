// Each tenant's own role on its database server, and how a role is known to be ours.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { type ClientBase, escapeIdentifier, escapeLiteral } from 'pg'

/** The derived password has 256 random bits, so guessing is hopeless after one round; each further one only slows connecting. */
const SCRAM_ITERATIONS = 1

/** What PostgreSQL stores of a password (RFC 5803), made here so that the password itself never reaches the server or its log. */
export function scramVerifier (password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, SCRAM_ITERATIONS, 32, 'sha256')
  const sign = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
  const storedKey = createHash('sha256').update(sign(salted, 'Client Key')).digest('base64')
  const serverKey = sign(salted, 'Server Key').toString('base64')
  return `SCRAM-SHA-256$${SCRAM_ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}

/** The comment on everything that a registry has made on a server. */
export const ownershipMark = (registryId: string): string => `koinonia registry ${registryId}`

/** A role that may log in and nothing else, marked as ours in the same transaction. A second call sets the password again. */
export async function createTenantRole (client: ClientBase, roleName: string, password: string, registryId: string): Promise<void> {
  const role = escapeIdentifier(roleName)
  const attributes = `LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD ${escapeLiteral(scramVerifier(password))}`
  if (await roleMark(client, roleName) === undefined) {
    // One simple query of several statements is one transaction: no role of ours is ever without its mark.
    await client.query(`CREATE ROLE ${role} ${attributes}; COMMENT ON ROLE ${role} IS ${escapeLiteral(ownershipMark(registryId))}`)
  } else {
    await client.query(`ALTER ROLE ${role} ${attributes}`)
  }
  await allowActingAs(client, roleName)
}

/** Connections that are open stay so; new ones need the new password. @throws PostgreSQL's error when there is no such role */
export async function changeRolePassword (client: ClientBase, roleName: string, password: string): Promise<void> {
  await client.query(`ALTER ROLE ${escapeIdentifier(roleName)} PASSWORD ${escapeLiteral(scramVerifier(password))}`)
}

/** An administrator who is no superuser must be a member of a role to give it a database; a superuser needs nothing. */
export async function allowActingAs (client: ClientBase, roleName: string): Promise<void> {
  const { rows: [may] } = await client.query<{ may: boolean }>('SELECT pg_has_role($1, \'SET\') AND pg_has_role($1, \'USAGE\') AS may', [roleName])
  if (may?.may !== true) await client.query(`GRANT ${escapeIdentifier(roleName)} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE`)
}

/** The role's comment (null without one), or undefined when there is no such role. */
export async function roleMark (client: ClientBase, roleName: string): Promise<string | null | undefined> {
  const { rows: [role] } = await client.query<{ mark: string | null }>(
    'SELECT shobj_description(oid, \'pg_authid\') AS mark FROM pg_roles WHERE rolname = $1', [roleName])
  return role?.mark
}
