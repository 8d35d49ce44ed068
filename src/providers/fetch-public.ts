// Fetches a file of the public internet, and nothing of our own network: the address comes from outside.
import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { type Readable } from 'node:stream'
import ipaddr from 'ipaddr.js'
import { Agent, type Dispatcher, request } from 'undici'

export interface FetchPolicy {
  /** Only these and their subdomains; any when empty. */
  hosts: readonly string[]
  /** Private addresses too. */
  allowPrivate: boolean
  /** From the first byte asked to the last one read, in milliseconds. */
  timeoutMs: number
}

/** It may not be fetched, now or later. */
export class FetchForbidden extends Error {
  override readonly name = 'FetchForbidden'
}

const mostRedirects = 3

/**
 * `use` reads the body to its end. Each redirect is judged like the first address, and each host by the addresses that are really
 * connected to, so that a name which changes its mind between two look-ups gains nothing.
 * @throws FetchForbidden, or an error that says why it did not come
 */
export async function fetchPublic<T> (url: string, policy: FetchPolicy, use: (body: Readable) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(policy.timeoutMs)
  const agent = new Agent({ connect: { timeout: 5_000, lookup: publicOnly(policy) } })
  try {
    const { statusCode, body } = await follow(url, policy, agent, signal)
    if (statusCode !== 200) {
      await body.dump()
      throw new Error(`answered ${statusCode}`)
    }
    return await use(body)
  } finally {
    await agent.destroy()
  }
}

async function follow (first: string, policy: FetchPolicy, dispatcher: Agent, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  let url = allowed(first, policy)
  for (let step = 0; step <= mostRedirects; step++) {
    const answer = await request(url, { dispatcher, signal })
    const { location } = answer.headers
    if (answer.statusCode < 300 || answer.statusCode >= 400 || typeof location !== 'string') return answer
    await answer.body.dump()
    url = allowed(new URL(location, url).href, policy)
  }
  throw new Error('redirected too often')
}

function allowed (text: string, { hosts, allowPrivate }: FetchPolicy): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw new FetchForbidden('not a web address')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (hosts.length > 0 && !hosts.some((one) => host === one || host.endsWith(`.${one}`))) throw new FetchForbidden('not a host that may be asked')
  // A bare address is connected to without a look-up.
  if (isIP(host) !== 0 && !allowPrivate && !isPublic(host)) throw new FetchForbidden('not a public address')
  return url
}

function publicOnly ({ allowPrivate }: FetchPolicy): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        done(error, [])
        return
      }
      const usable = found.filter(({ address }) => allowPrivate || isPublic(address))
      const [first] = usable
      if (first === undefined) done(new FetchForbidden('not a public address'), [])
      else if (options.all === true) done(null, usable)
      else done(null, first.address, first.family)
    })
  }
}

/** Neither private, loopback, link-local, multicast, reserved, nor an IPv6 spelling of such an IPv4 address. */
function isPublic (address: string): boolean {
  return ipaddr.process(address).range() === 'unicast'
}
