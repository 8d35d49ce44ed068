// Koinonia under test: the real command with production settings, used through its own API.
import { type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import { freePort } from '../../src/cli/free-port.js'
import { MASTER_KEY, openProvisioner } from '../helpers/provisioning-ground.js'
import { type Bench } from './bench.js'
import { spawnKoinonia, stopChild } from './child.js'
import { databasesOf } from './databases-of.js'
import { noonZone } from './noon-zone.js'

export interface Organization { tenantId: string, headers: Record<string, string>, memberIds: string[] }

export interface Koinonia {
  url: string
  registryUrl: string
  child: ChildProcess
  /** Starts the background jobs as a process of their own, on the same settings; it is stopped when the row ends. */
  startWorker: () => ChildProcess
  /** Signs up an organization with so many members, of whom each is in a branch or two and has a tag or two. */
  makeOrganization: (members: number) => Promise<Organization>
  post: <Answer>(path: string, body: object, headers?: Record<string, string>) => Promise<Answer>
  /** Until there are so many spares: made by this process, so that the one under test does nothing else while it is measured. */
  fillSpares: (spares: number) => Promise<void>
  /** URLs of the organizations' databases, as their own roles: for peers. */
  databasesOf: (organizations: Organization[]) => Promise<Record<string, string>>
}

interface Options {
  settings?: NodeJS.ProcessEnv
  spares?: number
  worker?: boolean
  /** Without one it gets a registry of its own. */
  registryUrl?: string
  /** What Node is told, such as modules to load before. */
  execArgv?: string[]
}

/** Starts it with `spares` databases ready; it is stopped when the row ends. */
export async function startKoinonia (bench: Bench, { settings = {}, spares = 1, worker = false, registryUrl: known, execArgv }: Options = {}): Promise<Koinonia> {
  const registryUrl = known ?? await bench.makeRegistry()
  if (spares > 0) {
    bench.say(`making ${spares} tenant database${spares === 1 ? '' : 's'}`)
    await fillSpares(registryUrl, spares)
  }
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const environment = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    PORT: String(port),
    PUBLIC_URL: url,
    REGISTRY_DATABASE_URL: registryUrl,
    MASTER_KEY: MASTER_KEY.toString('base64'),
    JWT_SECRET: randomBytes(48).toString('base64'),
    OPERATOR_TOKEN: randomBytes(24).toString('base64url'),
    TELNYX_API_KEY: 'benchmark',
    TELNYX_PUBLIC_KEY: randomBytes(32).toString('base64'),
    TELNYX_BASE_URL: 'http://127.0.0.1:9',
    SPARE_TENANTS: '0',
    ACCESS_TOKEN_SECONDS: '86400',
    RATE_LIMIT_PER_MINUTE: '1000000',
    SIGN_UPS_PER_HOUR: '1000000',
    ...settings
  }
  const child = spawnKoinonia(['serve', ...(worker ? [] : ['--no-worker'])], environment, execArgv)
  const pool = new Pool(url, { connections: 64 })
  bench.defer(async () => {
    await pool.close()
    await stopChild(child)
  })
  await untilReady(pool, child)
  const post = <Answer>(path: string, body: object, headers: Record<string, string> = {}) => postJson<Answer>(pool, path, body, headers)
  return {
    url,
    registryUrl,
    child,
    post,
    startWorker () {
      const own = spawnKoinonia(['worker'], environment)
      bench.defer(() => stopChild(own))
      return own
    },
    fillSpares: (wanted) => fillSpares(registryUrl, wanted),
    makeOrganization: (members) => makeOrganization(post, members),
    databasesOf: (organizations) => databasesOf(bench, registryUrl, organizations)
  }
}

async function fillSpares (registryUrl: string, spares: number): Promise<void> {
  const closers: Array<() => Promise<void>> = []
  const { provisioner } = await openProvisioner({ teardown: (close) => closers.push(close) }, registryUrl, { SPARE_TENANTS: spares })
  try {
    await provisioner.refillSpares()
  } finally {
    for (const close of closers) await close()
  }
}

async function untilReady (pool: Pool, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) throw new Error(`koinonia serve ended with ${child.exitCode}`)
    const status = await pool.request({ method: 'GET', path: '/health/ready' }).then(async ({ statusCode, body }) => {
      await body.dump()
      return statusCode
    }, () => 0)
    if (status === 200) return
    await pause(100)
  }
  throw new Error('koinonia serve did not get ready')
}

async function postJson<Answer> (pool: Pool, path: string, body: object, headers: Record<string, string>): Promise<Answer> {
  const answer = await pool.request({ method: 'POST', path, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
  const text = await answer.body.text()
  if (answer.statusCode > 299) throw new Error(`POST ${path} was answered ${answer.statusCode}: ${text}`)
  return JSON.parse(text) as Answer
}

let signUps = 0

/** A sign-up that no other has been like. */
export function newSignUp () {
  const number = ++signUps
  return { email: `pastor${number}@bench.example`, password: 'a long enough passphrase', firstName: 'Ada', lastName: 'Okafor', churchName: `Church ${number}`, timeZone: noonZone() }
}

async function makeOrganization (post: Koinonia['post'], members: number): Promise<Organization> {
  const { accessToken, tenantId } = await post<{ accessToken: string, tenantId: string }>('/api/auth/register', newSignUp())
  const headers = { authorization: `Bearer ${accessToken}` }
  const branches = await Promise.all(['North', 'South'].map((name) => post<{ id: string }>('/api/branches', { name }, headers)))
  const branchIds = branches.map(({ id }) => id)
  const memberIds: string[] = []
  for (let number = 0; number < members; number++) {
    const { id } = await post<{ id: string }>('/api/members', {
      firstName: 'Ada',
      lastName: `Okafor ${number}`,
      phone: `+1615555${String(number % 10_000).padStart(4, '0')}`,
      email: `ada${number}@example.org`,
      branchIds: branchIds.slice(0, 1 + number % 2),
      tags: number % 2 === 0 ? ['choir'] : ['choir', 'volunteer']
    }, headers)
    memberIds.push(id)
  }
  return { tenantId, headers, memberIds }
}
