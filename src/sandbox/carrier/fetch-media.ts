// Fetches what a text carries, as Telnyx does: once an hour for each address, and no more than 1 MB for a text.
import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { Agent, interceptors, request } from 'undici'
import type { MediaFolder } from './media-folder.js'
import type { MediaFile } from './model.js'

/** Bytes, of all files of a text: https://support.telnyx.com/en/articles/4450150-faqs-about-mms-at-telnyx */
const mostInText = 1_000_000
const attemptMs = 10_000
/** Addresses whose file is not fetched again within the hour. */
const remembered = 500

export class FetchMedia {
  readonly #folder: MediaFolder
  readonly #retryDelaysMs: readonly number[]
  readonly #agent = new Agent({ connections: 8, connect: { timeout: 5_000 }, maxResponseSize: mostInText })
  readonly #dispatcher = this.#agent.compose(interceptors.redirect({ maxRedirections: 3 }))
  readonly #closing = new AbortController()
  readonly #recent = new LRUCache<string, Promise<MediaFile>>({ max: remembered, ttl: 3_600_000 })

  /** @param retryDelaysMs milliseconds before the second, third … attempt at an address */
  constructor (folder: MediaFolder, retryDelaysMs: readonly number[]) {
    this.#folder = folder
    this.#retryDelaysMs = retryDelaysMs
  }

  /** Tells `ended` the files in the order of the addresses, or undefined when one could not be had or they are too large; nothing after `close`. */
  fetchAll (urls: readonly string[], ended: (files: MediaFile[] | undefined) => void): void {
    void Promise.all(urls.map(async (url) => await this.#fetch(url))).then(
      (files) => files.reduce((sum, { size }) => sum + size, 0) > mostInText ? undefined : files,
      // Refused, missing, too slow, too large or no address at all: to a carrier it is all one.
      () => undefined
    ).then((files) => { if (!this.#closing.signal.aborted) ended(files) })
  }

  async close (): Promise<void> {
    this.#closing.abort()
    await this.#agent.destroy()
  }

  async #fetch (url: string): Promise<MediaFile> {
    const known = this.#recent.get(url)
    if (known !== undefined) return await known
    const fetching = this.#attempts(url)
    this.#recent.set(url, fetching)
    try {
      return await fetching
    } catch (error) {
      this.#recent.delete(url)
      throw error
    }
  }

  async #attempts (url: string): Promise<MediaFile> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(url)
      } catch (error) {
        const pause = this.#retryDelaysMs[attempt]
        if (pause === undefined) throw error
        await sleep(pause, undefined, { signal: this.#closing.signal })
      }
    }
  }

  async #attempt (url: string): Promise<MediaFile> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(attemptMs)])
    const { statusCode, headers, body } = await request(url, { dispatcher: this.#dispatcher, signal })
    if (statusCode !== 200) {
      await body.dump()
      throw new Error(`answered ${statusCode}`)
    }
    const kept = await this.#folder.keep(Buffer.from(await body.arrayBuffer()))
    return { ...kept, name: nameIn(headers['content-disposition']) }
  }
}

/** The file's name as RFC 6266 has it, for people. */
function nameIn (disposition: string | string[] | undefined): string | null {
  const text = String(disposition ?? '')
  const whole = /filename\*=UTF-8''([^;\s]+)/i.exec(text)?.[1]
  try {
    return whole === undefined ? /filename="([^"]+)"/i.exec(text)?.[1] ?? null : decodeURIComponent(whole)
  } catch {
    return null
  }
}
