// Calls the API as one signed-in admin, the way a test reads best.
import { type FastifyInstance } from 'fastify'

type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

export interface Answer<T> { status: number, body: T, code: string | undefined }

/** `Body` is what the test expects to read; the API's own response schemas have decided what is really there. */
export function apiOf (app: FastifyInstance, { headers }: { headers: Record<string, string> }) {
  return async <Body = Record<string, unknown>>(method: Method, path: string, payload?: object): Promise<Answer<Body>> => {
    const response = await app.inject({ method, url: `/api${path}`, headers, ...(payload === undefined ? {} : { payload }) })
    const body = (response.body === '' ? {} : response.json()) as Body & { code?: string }
    return { status: response.statusCode, body, code: body.code }
  }
}

export type Api = ReturnType<typeof apiOf>
