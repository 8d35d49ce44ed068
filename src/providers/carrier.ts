// What the service asks of a carrier: to send one text, and to find, order and set up numbers.

export interface OutgoingText {
  /** E.164, a number of ours. */
  from: string
  /** E.164. */
  to: string
  text: string
  mediaUrls: readonly string[]
  /** Where the carrier reports what became of this one text. */
  statusUrl: string
}

/** What is known after one attempt. Only `not_sent` may ever be tried again by itself. */
export type SendOutcome =
  | { kind: 'accepted', providerMessageId: string }
  /** The carrier said no for good: an invalid number, a blocked text. */
  | { kind: 'refused', code: string, detail: string }
  /** It certainly did not leave: connection refused, or the carrier asks to slow down: by default with everything, or with this sending number alone. */
  | { kind: 'not_sent', reason: string, retryAfterMs?: number, slows?: 'number' }
  /** The request was written and no clear answer came: it may or may not have left. */
  | { kind: 'unknown', reason: string }

export interface AvailableNumber { phoneNumber: string, locality: string | null, region: string | null, capabilities: string[], monthlyCostCents: number | null }

export interface NumberOrder { orderId: string, status: 'pending' | 'success' | 'failure', detail?: string }

export interface OwnedNumber { providerNumberId: string, messagingProfileId: string | null }

/** Every method but `send` throws problem('CARRIER_UNAVAILABLE') when no clear answer comes. */
export interface Carrier {
  /** Never retries and never throws: the outcome says what is known. */
  send: (text: OutgoingText) => Promise<SendOutcome>
  /** Codes of refusals and failed deliveries after which the same text may go through another time. */
  temporaryFailures: ReadonlySet<string>
  /** Those of them after which nothing further is to leave from the same number for so many milliseconds. */
  slowingFailures: ReadonlyMap<string, number>
  availableNumbers: (query: { areaCode?: string, limit: number }) => Promise<AvailableNumber[]>
  /** Profiles say where inbound texts are posted. Finds the one of this name before it makes one. */
  ensureMessagingProfile: (name: string, webhookUrl: string) => Promise<{ id: string }>
  /** @throws problem('NUMBER_TAKEN') when it is not for sale. */
  orderNumber: (order: { phoneNumber: string, messagingProfileId: string, reference: string }) => Promise<NumberOrder>
  getOrder: (orderId: string) => Promise<NumberOrder>
  /** The order made earlier under this reference, if any: so that a purchase is never made twice. */
  findOrder: (reference: string) => Promise<NumberOrder | undefined>
  /** The number as this account owns it; undefined when it does not. An order's id is not a number's id. */
  findOwnedNumber: (phoneNumber: string) => Promise<OwnedNumber | undefined>
  assignMessagingProfile: (providerNumberId: string, messagingProfileId: string) => Promise<void>
  close: () => Promise<void>
}
