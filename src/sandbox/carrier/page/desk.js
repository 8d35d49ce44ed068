// What the page knows: the texts of every phone, sorted into conversations.

/** Conversations show this many texts; beyond this many in all, the page asks for a fresh snapshot. */
const mostShown = 100
const mostTexts = 6_000

export class Desk {
  /** phone number → { number, order, lastAt, threads: service number → { texts } } */
  phones = new Map()
  /** service number → name or null */
  numbers = new Map()
  #texts = new Map()
  /** Older texts than the snapshot's first are not shown, though their marks may still change. */
  #since = ''

  reset ({ numbers, texts }) {
    this.phones.clear()
    this.#texts.clear()
    this.numbers = new Map(numbers.map(({ phoneNumber, name }) => [phoneNumber, name]))
    this.#since = texts[0]?.createdAt ?? ''
    for (const text of texts) this.#take(text)
  }

  /** @returns for each text its phone, its service number, and whether it is new */
  take (texts) {
    return texts.map((text) => this.#take(text))
  }

  get isFull () {
    return this.#texts.size > mostTexts
  }

  phone (number) {
    let phone = this.phones.get(number)
    if (phone === undefined) {
      phone = { number, order: this.phones.size, lastAt: '', threads: new Map() }
      this.phones.set(number, phone)
    }
    return phone
  }

  /** The conversation of a phone that had a text last. */
  latestThread ({ threads }) {
    let latest
    for (const [service, { texts }] of threads) {
      const at = texts.at(-1)?.createdAt ?? ''
      if (latest === undefined || at > latest.at) latest = { service, at }
    }
    return latest?.service
  }

  shownTexts (phone, service) {
    return phone.threads.get(service)?.texts.slice(-mostShown) ?? []
  }

  #take (text) {
    const outbound = text.direction === 'outbound'
    const number = outbound ? text.to : text.from
    const service = outbound ? text.from : text.to
    const known = this.#texts.get(text.id)
    if (known !== undefined) {
      Object.assign(known, text)
      return { number, service, isNew: false }
    }
    if (text.createdAt < this.#since) return { number, service, isNew: false }
    this.#texts.set(text.id, text)
    const phone = this.phone(number)
    phone.lastAt = text.createdAt
    const thread = phone.threads.get(service)
    if (thread === undefined) phone.threads.set(service, { texts: [text] })
    else thread.texts.push(text)
    return { number, service, isNew: true }
  }
}
