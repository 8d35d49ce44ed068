// The states of messages and of their recipients, and which may follow which. A recipient's only go forward, so the order in which news arrives does not matter.

export const messageStates = ['draft', 'scheduled', 'sending', 'paused', 'sent', 'cancelled', 'failed'] as const
export type MessageState = typeof messageStates[number]

/** A message is `sent` when nothing of it waits any more. Pausing and cancelling keep back what no worker has taken yet. */
export const messageTransitions: Readonly<Record<MessageState, readonly MessageState[]>> = {
  draft: ['scheduled', 'sending', 'cancelled'],
  // To `failed` through `sending`, when it starts and nobody is in its audience.
  scheduled: ['sending', 'paused', 'cancelled'],
  sending: ['paused', 'sent', 'cancelled', 'failed'],
  // On where it was; to `sent` when the last of it was in a worker's hands already.
  paused: ['scheduled', 'sending', 'sent', 'cancelled'],
  sent: [],
  cancelled: [],
  failed: []
}

/** From the outbox to the phone. What comes later in this list outranks what comes before, and is never taken back. */
export const forwardStates = ['queued', 'sending', 'unknown', 'sent', 'failed', 'delivered'] as const

/** Decided by us before anything left; no news from the carrier changes them. */
export const withheldStates = ['suppressed', 'cancelled'] as const

export type ForwardState = typeof forwardStates[number]
export type RecipientState = ForwardState | typeof withheldStates[number]

/** Every state in the order in which they are shown. */
export const recipientStates = ['queued', 'sending', 'sent', 'delivered', 'failed', 'suppressed', 'unknown', 'cancelled'] as const satisfies readonly RecipientState[]

/** What a carrier can report of a text it has accepted. A step on its way, such as its own queue, is `sent`: it has left us. */
export type ReportedState = 'sent' | 'failed' | 'delivered'

/**
 * What each state may become. Back to `queued` goes only what certainly did not leave; `cancelled` when its message was, meanwhile.
 * `unknown` is settled by the carrier's report or by a person, never by sending again.
 */
export const transitions: Readonly<Record<RecipientState, readonly RecipientState[]>> = {
  queued: ['sending', 'suppressed', 'cancelled', 'sent', 'failed', 'delivered'],
  sending: ['queued', 'unknown', 'sent', 'failed', 'delivered', 'cancelled'],
  unknown: ['sent', 'failed', 'delivered'],
  sent: ['failed', 'delivered'],
  // Some carriers report a failure and the delivery after all; then the person has the text.
  failed: ['delivered'],
  delivered: [],
  suppressed: [],
  cancelled: []
}

/** Whether the carrier's report changes this state. */
export function settles (state: RecipientState, reported: ReportedState): boolean {
  return transitions[state].includes(reported)
}

/** News of one recipient from the carrier, from the callback URL that names it. */
export interface DeliveryEvent {
  messageId: string
  phoneHash: Buffer
  status: ReportedState
  /** The carrier's time of it, not ours. */
  occurredAt: Date
  providerMessageId: string | null
  errorCode?: string | null
  errorDetail?: string | null
  priceCents?: number | null
}

/** Everything several events say of one recipient, whatever their order. */
export interface RecipientNews {
  messageId: string
  phoneHash: Buffer
  status: ReportedState
  providerMessageId: string | null
  sentAt: Date | null
  failedAt: Date | null
  deliveredAt: Date | null
  errorCode: string | null
  errorDetail: string | null
  priceCents: number | null
}

/** One entry for each recipient, sorted by key, so that two writers lock the same rows in the same order. */
export function mergeEvents (events: readonly DeliveryEvent[]): RecipientNews[] {
  const merged = new Map<string, RecipientNews>()
  for (const event of events) {
    const key = recipientKey(event)
    const known = merged.get(key)
    merged.set(key, known === undefined ? toNews(event) : combine(known, toNews(event)))
  }
  return [...merged.entries()].sort(([one], [other]) => one < other ? -1 : 1).map(([, news]) => news)
}

export function recipientKey ({ messageId, phoneHash }: { messageId: string, phoneHash: Buffer }): string {
  return messageId + phoneHash.toString('hex')
}

function toNews ({ messageId, phoneHash, status, occurredAt, providerMessageId, ...event }: DeliveryEvent): RecipientNews {
  return {
    messageId,
    phoneHash,
    status,
    providerMessageId,
    sentAt: status === 'sent' ? occurredAt : null,
    failedAt: status === 'failed' ? occurredAt : null,
    deliveredAt: status === 'delivered' ? occurredAt : null,
    errorCode: event.errorCode ?? null,
    errorDetail: event.errorDetail ?? null,
    priceCents: event.priceCents ?? null
  }
}

function combine (one: RecipientNews, other: RecipientNews): RecipientNews {
  const failure = earlier(one.failedAt, other.failedAt) === one.failedAt ? one : other
  return {
    messageId: one.messageId,
    phoneHash: one.phoneHash,
    status: forwardStates.indexOf(one.status) >= forwardStates.indexOf(other.status) ? one.status : other.status,
    providerMessageId: one.providerMessageId ?? other.providerMessageId,
    sentAt: earlier(one.sentAt, other.sentAt),
    failedAt: failure.failedAt,
    deliveredAt: earlier(one.deliveredAt, other.deliveredAt),
    errorCode: failure.errorCode,
    errorDetail: failure.errorDetail,
    priceCents: one.priceCents ?? other.priceCents
  }
}

function earlier (one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other
  return one <= other ? one : other
}
