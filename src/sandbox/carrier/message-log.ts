// The texts of the carrier: the latest ones whole, and an exact count of all of them.
import { createHash } from 'node:crypto'
import type { MediaFile, Message, StatusEntry } from './model.js'

export class MessageLog {
  readonly #messages = new Map<string, Message>()
  readonly #tokens = new Set<string>()
  readonly #keep: number
  accepted = 0
  duplicates = 0
  inbound = 0

  /** @param keep how many texts are kept whole; older ones are forgotten but stay counted */
  constructor (keep: number) {
    this.#keep = keep
  }

  add (message: Message): void {
    this.#messages.set(message.id, message)
    if (this.#messages.size > this.#keep) {
      const oldest = this.#messages.keys().next()
      if (!oldest.done) this.#messages.delete(oldest.value)
    }
    if (message.direction === 'inbound') this.inbound++
    else this.#count(message.webhookUrl)
  }

  /** Moves a text to a status; returns it, or undefined when it is already forgotten. */
  settle ({ id, status, at, errorCode }: StatusEntry): Message | undefined {
    const message = this.#messages.get(id)
    if (message === undefined) return undefined
    message.status = status
    message.errorCode = errorCode
    if (status === 'sent') message.sentAt = at
    else message.completedAt = at
    return message
  }

  /** What a text carries has been fetched. Undefined when the text is already forgotten. */
  attach (id: string, media: MediaFile[]): Message | undefined {
    const message = this.#messages.get(id)
    if (message !== undefined) message.media = media
    return message
  }

  get (id: string): Message | undefined {
    return this.#messages.get(id)
  }

  all (): IterableIterator<Message> {
    return this.#messages.values()
  }

  /** The latest `limit` texts that match, oldest first. */
  find ({ from, to, limit }: { from?: string | undefined, to?: string | undefined, limit: number }): Message[] {
    const found: Message[] = []
    for (const message of this.#messages.values()) {
      if ((from === undefined || message.from === from) && (to === undefined || message.to === to)) found.push(message)
    }
    return found.slice(-limit)
  }

  clear (): void {
    this.#messages.clear()
    this.#tokens.clear()
    this.accepted = this.duplicates = this.inbound = 0
  }

  #count (webhookUrl: string | null): void {
    this.accepted++
    const token = webhookUrl === null ? '' : recipientToken(webhookUrl)
    if (token === '') return
    // 96 bits of a digest instead of the token: a million recipients stay under 100 MB.
    const digest = createHash('sha1').update(token).digest('binary').slice(0, 12)
    if (this.#tokens.has(digest)) this.duplicates++
    else this.#tokens.add(digest)
  }
}

/** The last path segment of a callback URL, which names one recipient. */
function recipientToken (url: string): string {
  const end = url.search(/[?#]/)
  const path = end === -1 ? url : url.slice(0, end)
  return path.slice(path.lastIndexOf('/') + 1)
}
