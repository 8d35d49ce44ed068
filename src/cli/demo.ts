// The demo church of the first start on a laptop: made and used through the API itself, as any caller would.
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type FastifyInstance, type InjectOptions } from 'fastify'

export interface Demo {
  email: string
  password: string
  /** The command that texts every member; its access token is good for some minutes. */
  curl: (url: string) => string
}

interface Credentials { email: string, password: string }

const members = [
  { firstName: 'Grace', lastName: 'Abara', phone: '+16155550101', tags: ['choir'] },
  { firstName: 'Daniel', lastName: 'Okafor', phone: '+16155550102', tags: ['youth'] },
  { firstName: 'Ruth', lastName: 'Lindqvist', phone: '+16155550103', tags: ['choir', 'youth'] }
]

/** Signs in to the demo church, made now if this is the first start. Undefined when its data is gone or its password was changed. */
export async function seedDemo (app: FastifyInstance): Promise<Demo | undefined> {
  const file = join(app.services.config.DATA_DIR, 'demo.json')
  const known = await readCredentials(file)
  const credentials = known ?? { email: 'demo@koinonia.example', password: randomBytes(9).toString('base64url') }
  const token = known === undefined ? await signUp(app, credentials, file) : await signIn(app, credentials)
  if (token === undefined) return undefined
  return { ...credentials, curl: (url) => curlCommand(url, token) }
}

async function signUp (app: FastifyInstance, credentials: Credentials, file: string): Promise<string> {
  const { accessToken } = await call<{ accessToken: string }>(app, {
    method: 'POST', url: '/api/auth/register', payload: { ...credentials, firstName: 'Demo', lastName: 'Pastor', churchName: 'Grace Chapel' }
  })
  await writeFile(file, JSON.stringify(credentials, null, 2), { mode: 0o600 })
  const headers = { authorization: `Bearer ${accessToken}` }
  await buyNumber(app, headers)
  for (const member of members) {
    await call(app, { method: 'POST', url: '/api/members', headers, payload: { ...member, optIn: { source: 'form', note: 'Demo member of the first start' } } })
  }
  return accessToken
}

async function buyNumber (app: FastifyInstance, headers: Record<string, string>): Promise<void> {
  const { items: [number] } = await call<{ items: Array<{ phoneNumber: string }> }>(app, { method: 'GET', url: '/api/numbers/available?areaCode=615', headers })
  if (number === undefined) throw new Error('The sandbox carrier has no number to sell. Delete the sandbox folder in DATA_DIR and start again.')
  const { id } = await call<{ id: string }>(app, { method: 'POST', url: '/api/numbers', headers, payload: { phoneNumber: number.phoneNumber } })
  for (let tries = 0; tries < 100; tries++) {
    const { status } = await call<{ status: string }>(app, { method: 'GET', url: `/api/numbers/${id}`, headers })
    if (status === 'active') return
    await pause(100)
  }
  throw new Error('The demo church\'s number did not become active within 10 s. `koinonia doctor` shows stuck jobs.')
}

async function signIn (app: FastifyInstance, payload: Credentials): Promise<string | undefined> {
  const response = await app.inject({ method: 'POST', url: '/api/auth/login', payload })
  return response.statusCode === 200 ? response.json<{ accessToken: string }>().accessToken : undefined
}

async function readCredentials (file: string): Promise<Credentials | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Credentials
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function call<Answer> (app: FastifyInstance, request: InjectOptions): Promise<Answer> {
  const response = await app.inject(request)
  if (response.statusCode >= 300) throw new Error(`The demo church could not be made: ${String(request.method)} answered ${response.statusCode} ${response.body}`)
  return response.json<Answer>()
}

function curlCommand (url: string, token: string): string {
  return `curl ${url}/api/messages -H 'content-type: application/json' \\\n  -H 'authorization: Bearer ${token}' \\\n  -d '{"text": "Choir practice moves to 7 pm tonight.", "to": {"all": true}}'`
}
