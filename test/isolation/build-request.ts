// Makes a valid request for a route from its own schema, so that a route added later is called too.
import { type RouteOptions } from 'fastify'
import { type TSchema } from 'typebox'
import { Check } from 'typebox/value'
import { exampleOf } from '../../src/http/example-of.js'

export interface BuiltRequest { method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, payload?: object, headers?: Record<string, string> }

const csv = 'phone,name\r\n+16155550188,Ruth Miller\r\n'
const vcard = 'BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ruth Miller\r\nEND:VCARD\r\n'

/**
 * `ids`: an id for each list under /api, by its name, and of a message of the conversation.
 * @throws when the schema's examples make no valid body, or when a list has no id yet
 */
export function buildRequest (route: RouteOptions, ids: Record<string, string>): BuiltRequest {
  const method = route.method as BuiltRequest['method']
  const list = /^\/api\/(members\/imports|[^/:]+)/.exec(route.url)?.[1] ?? ''
  const url = route.url.replace(/:(\w+)/g, (_, name) => {
    const id = name === 'id' ? ids[list] : name === 'messageId' ? ids['conversationMessages'] : undefined
    if (id === undefined) throw new Error(`${method} ${route.url}: seed-organization.ts makes nothing for :${String(name)} of ${list}. Add it there.`)
    return id
  })
  const schema = route.schema?.body as TSchema | undefined
  if (schema === undefined) return { method, url }
  if (route.schema?.consumes?.includes('multipart/form-data') === true) {
    return { method, url, payload: Buffer.from(`--edge\r\ncontent-disposition: form-data; name="file"; filename="ruth.vcf"\r\n\r\n${list === 'members/imports' ? csv : vcard}\r\n--edge--\r\n`), headers: { 'content-type': 'multipart/form-data; boundary=edge' } }
  }
  const payload = exampleOf(schema)
  if (typeof payload !== 'object' || payload === null || !Check(schema, payload)) {
    throw new Error(`${method} ${route.url}: the examples of its body's schema make no valid body (${JSON.stringify(payload)}). Add examples.`)
  }
  return { method, url, payload }
}
