// The carrier's memory: every change is an entry, applied here and written to the journal when there is one.
import { Journal } from './journal.js'
import { MessageLog } from './message-log.js'
import type { Entry, Message, NumberOrder, OwnedNumber, Profile } from './model.js'

export interface StateOptions {
  dataDir?: string | undefined
  /** How many texts are kept whole. */
  keepMessages: number
  /** Told once when the journal can no longer be written. */
  onJournalFailure: (error: Error) => void
}

export class CarrierState {
  readonly profiles = new Map<string, Profile>()
  readonly orders = new Map<string, NumberOrder>()
  readonly messages: MessageLog
  readonly #numbers = new Map<string, OwnedNumber>()
  readonly #byPhoneNumber = new Map<string, OwnedNumber>()
  readonly #journal: Journal | undefined
  /** Told of every text that came or moved, for the live page. */
  onMessage: ((message: Message) => void) | undefined
  /** Told when numbers change or everything was cleared, for the live page. */
  onReset: (() => void) | undefined

  constructor ({ dataDir, keepMessages, onJournalFailure }: StateOptions) {
    this.messages = new MessageLog(keepMessages)
    if (dataDir === undefined) return
    this.#journal = new Journal(dataDir, onJournalFailure)
    for (const entry of this.#journal.read()) this.#apply(entry)
    this.#journal.open(this.#entries())
  }

  record (entry: Entry): void {
    this.#apply(entry)
    this.#journal?.append(entry)
  }

  /** A number of this carrier by its id or by its E.164 form. */
  number (idOrPhoneNumber: string): OwnedNumber | undefined {
    return this.#numbers.get(idOrPhoneNumber) ?? this.#byPhoneNumber.get(idOrPhoneNumber)
  }

  numbers (): OwnedNumber[] {
    return [...this.#numbers.values()]
  }

  /** Whether a number is bought, or is being bought by an order that has not ended. */
  isTaken (phoneNumber: string): boolean {
    if (this.#byPhoneNumber.has(phoneNumber)) return true
    for (const order of this.orders.values()) {
      if (order.status === 'pending' && order.lines.some((line) => line.phoneNumber === phoneNumber)) return true
    }
    return false
  }

  async close (): Promise<void> {
    await this.#journal?.close()
  }

  #apply (entry: Entry): void {
    switch (entry.set) {
      case 'profile': this.profiles.set(entry.value.id, entry.value); break
      case 'order': this.orders.set(entry.value.id, entry.value); break
      case 'number':
        this.#numbers.set(entry.value.id, entry.value)
        this.#byPhoneNumber.set(entry.value.phoneNumber, entry.value)
        this.onReset?.()
        break
      case 'released': this.#release(entry.id); break
      case 'message':
        this.messages.add(entry.value)
        this.onMessage?.(entry.value)
        break
      case 'status': {
        const message = this.messages.settle(entry)
        if (message !== undefined) this.onMessage?.(message)
        break
      }
      case 'media': {
        const message = this.messages.attach(entry.id, entry.media)
        if (message !== undefined) this.onMessage?.(message)
        break
      }
      case 'cleared':
        this.messages.clear()
        this.onReset?.()
        break
    }
  }

  #release (id: string): void {
    const number = this.#numbers.get(id)
    if (number === undefined) return
    this.#numbers.delete(id)
    this.#byPhoneNumber.delete(number.phoneNumber)
    this.onReset?.()
  }

  /** The present as entries: what a compacted journal holds. */
  * #entries (): Generator<Entry> {
    for (const value of this.profiles.values()) yield { set: 'profile', value }
    for (const value of this.orders.values()) yield { set: 'order', value }
    for (const value of this.#numbers.values()) yield { set: 'number', value }
    for (const value of this.messages.all()) yield { set: 'message', value }
  }
}
