// Imports members from CSV text as a caller does, and reads the report.
import { setTimeout as pause } from 'node:timers/promises'
import { type FastifyInstance } from 'fastify'
import { type Import } from '../../src/features/members/imports/schemas.js'
import { until } from './until.js'
import { multipartOf } from './upload.js'

export interface ImportAnswer { status: number, body: Import & { code?: string, detail?: string, errors?: Array<{ path: string }> } }
interface Caller { headers: Record<string, string> }

export async function postImport (app: FastifyInstance, { headers }: Caller, csv: string | Buffer, options?: object): Promise<ImportAnswer> {
  const { payload, headers: ofBody } = await multipartOf([{ content: Buffer.from(csv), name: 'members.csv', type: 'text/csv' }], options === undefined ? {} : { options: JSON.stringify(options) })
  const response = await app.inject({ method: 'POST', url: '/api/members/imports', payload, headers: { ...headers, ...ofBody } })
  return { status: response.statusCode, body: response.json() }
}

/** Waits for its end; needs a running worker. `report`: its lines without the header, each without the member's id. */
export async function importCsv (app: FastifyInstance, caller: Caller, csv: string | Buffer, options?: object, patienceMs?: number): Promise<{ ended: Import, report: string[] }> {
  const { status, body } = await postImport(app, caller, csv, options)
  if (status !== 202) throw new Error(`The import was answered ${status}: ${JSON.stringify(body)}`)
  const ended = await until(async () => {
    // A caller is allowed so many requests in a minute.
    if (patienceMs !== undefined) await pause(500)
    const now = (await app.inject({ url: `/api/members/imports/${body.id}`, headers: caller.headers })).json<Import>()
    return now.finishedAt !== null && now
  }, patienceMs)
  return { ended, report: (await reportOf(app, caller, body.id)).map((line) => line.replace(/,[^,]*$/, '')) }
}

export async function reportOf (app: FastifyInstance, { headers }: Caller, id: string): Promise<string[]> {
  const { body } = await app.inject({ url: `/api/members/imports/${id}/report`, headers })
  return body.split('\r\n').slice(1, -1)
}
