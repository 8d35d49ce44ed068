// Takes a text through its life: accepted, sent, ended; every step told to the webhook.
import { randomUUID } from 'node:crypto'
import type { FetchMedia } from './fetch-media.js'
import { forcedOutcome } from './forced-outcomes.js'
import type { MediaFile, Message, MessageStatus, OwnedNumber } from './model.js'
import { messagePayload } from './payloads.js'
import type { CarrierEvent, PostEvents } from './post-events.js'
import type { Schedule } from './schedule.js'
import { segmentText } from './segment-text.js'
import type { CarrierState } from './state.js'

export interface Carriage {
  state: CarrierState
  events: PostEvents
  schedule: Schedule
  fetchMedia: FetchMedia
  /** Milliseconds from acceptance to `sent` and to the final status; null when texts stay queued and no event is sent. */
  pace: { sentMs: number, finalMs: number } | null
}

export interface NewText {
  from: string
  to: string
  text: string
  mediaUrls: string[]
  media?: Array<MediaFile | null>
  profileId: string | null
  webhookUrl: string | null
  webhookFailoverUrl: string | null
}

/** Accepts a text from the service and sets it on its way to the phone. */
export function acceptText (carriage: Carriage, text: NewText): Message {
  const message = newMessage('outbound', text)
  carriage.state.record({ set: 'message', value: message })
  followOn(carriage, message)
  return message
}

/** Schedules what is still to come for a text: also for those that a restart interrupted. */
export function followOn (carriage: Carriage, message: Message): void {
  const { state, pace, fetchMedia } = carriage
  if (pace === null || (message.status !== 'queued' && message.status !== 'sent')) return
  if (message.status === 'sent' || message.mediaUrls.length === 0 || message.media !== undefined) {
    travel(carriage, message, pace)
    return
  }
  fetchMedia.fetchAll(message.mediaUrls, (media) => {
    if (media === undefined) {
      settle(carriage, message, 'sending_failed', '40317')
      return
    }
    state.record({ set: 'media', id: message.id, media })
    travel(carriage, message, pace)
  })
}

function travel (carriage: Carriage, message: Message, pace: NonNullable<Carriage['pace']>): void {
  const { schedule } = carriage
  if (message.status === 'queued') schedule.after(pace.sentMs, () => settle(carriage, message, 'sent', null))
  const outcome = forcedOutcome(message.to) ?? { status: 'delivered', errorCode: null }
  if (!('status' in outcome)) return
  schedule.after(pace.finalMs, () => settle(carriage, message, outcome.status, outcome.errorCode))
}

/** A phone texts a service number: the number's profile hears of it. */
export function receiveText (carriage: Carriage, number: OwnedNumber, text: Pick<NewText, 'from' | 'text' | 'mediaUrls' | 'media'>): Message {
  const { state, events } = carriage
  const message = newMessage('inbound', {
    ...text, to: number.phoneNumber, profileId: number.profileId, webhookUrl: null, webhookFailoverUrl: null
  })
  state.record({ set: 'message', value: message })
  events.post({
    ...eventOf(state, message, 'message.received', 'queued'),
    // For the phone page: whether the service took the text.
    ended: (delivered) => state.record({
      set: 'status', id: message.id, status: delivered ? 'delivered' : 'delivery_failed', at: new Date().toISOString(), errorCode: null
    })
  })
  return message
}

function settle (carriage: Carriage, message: Message, status: MessageStatus, errorCode: string | null): void {
  const { state, events } = carriage
  const at = new Date().toISOString()
  state.record({ set: 'status', id: message.id, status, at, errorCode })
  events.post(eventOf(state, message, status === 'sent' ? 'message.sent' : 'message.finalized', status))
}

function eventOf (state: CarrierState, message: Message, type: CarrierEvent['type'], status: MessageStatus): CarrierEvent {
  // A message's own webhook outranks its profile's.
  const hooks = message.webhookUrl === null && message.profileId !== null ? state.profiles.get(message.profileId) : message
  return {
    id: randomUUID(),
    type,
    occurredAt: new Date().toISOString(),
    payload: () => messagePayload(message, status),
    urls: [hooks?.webhookUrl, hooks?.webhookFailoverUrl].filter((url) => typeof url === 'string')
  }
}

function newMessage (direction: Message['direction'], text: NewText): Message {
  return {
    id: randomUUID(),
    direction,
    ...text,
    ...segmentText(text.text),
    status: 'queued',
    errorCode: null,
    createdAt: new Date().toISOString(),
    sentAt: null,
    completedAt: null
  }
}
