// POST and GET /messages of the carrier's API.
import type { FastifyInstance, FastifyReply } from 'fastify'
import { setTimeout as sleep } from 'node:timers/promises'
import Type, { type Static } from 'typebox'
import { acceptText, type Carriage } from './carry-message.js'
import type { Faults } from './faults.js'
import { forcedOutcome } from './forced-outcomes.js'
import { sandboxRoute } from './sandbox-route.js'
import type { OwnedNumber } from './model.js'
import { messagePayload } from './payloads.js'
import { bodyReader, readParam } from './read-request.js'
import { segmentText } from './segment-text.js'
import type { CarrierState } from './state.js'
import { TelnyxError } from './telnyx-error.js'

const e164 = /^\+[1-9]\d{6,14}$/
const mostParts = 10
const mostMedia = 10

const nullableUrl = Type.Optional(Type.Union([Type.String({ pattern: '^https?://' }), Type.Null()]))

const sendSchema = Type.Object({
  to: Type.Optional(Type.String()),
  from: Type.Optional(Type.String()),
  text: Type.Optional(Type.String()),
  media_urls: Type.Optional(Type.Array(Type.String())),
  messaging_profile_id: Type.Optional(Type.String()),
  webhook_url: nullableUrl,
  webhook_failover_url: nullableUrl
})
type SendBody = Static<typeof sendSchema>
const readSend = bodyReader(sendSchema)

export function messageRoutes (app: FastifyInstance, carriage: Carriage, faults: Faults): void {
  const { state } = carriage

  app.post('/messages', sandboxRoute, async (request, reply) => {
    refuseAtRandom(faults, reply)
    const body = readSend(request)
    if (body.from !== undefined && faults.settings.reject429From.includes(body.from)) slowDown(reply)
    const number = sender(state, body)
    const to = checkText(body)
    const message = acceptText(carriage, {
      from: number.phoneNumber,
      to,
      text: body.text ?? '',
      mediaUrls: body.media_urls ?? [],
      profileId: number.profileId,
      webhookUrl: body.webhook_url ?? null,
      webhookFailoverUrl: body.webhook_failover_url ?? null
    })
    const answer = { data: messagePayload(message) }
    if (faults.settings.latencyMs > 0) await sleep(faults.settings.latencyMs)
    if (!faults.strikes('resetAfterAccept')) return answer
    reply.hijack()
    request.raw.socket.destroy()
    return reply
  })

  app.get('/messages/:id', sandboxRoute, async (request) => {
    const message = state.messages.get(readParam(request, 'id'))
    if (message === undefined) throw new TelnyxError(404, '10005', 'No message with this id is kept.')
    return { data: messagePayload(message) }
  })
}

function refuseAtRandom (faults: Faults, reply: FastifyReply): void {
  if (faults.strikes('reject429')) slowDown(reply)
  if (faults.strikes('reject5xx')) throw new TelnyxError(faults.pick(2) === 0 ? 500 : 503, '10007', 'An unexpected error occurred. (A fault of the sandbox.)')
}

function slowDown (reply: FastifyReply): never {
  reply.headers({ 'retry-after': '1', 'x-ratelimit-limit': '50', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' })
  throw new TelnyxError(429, '10011', 'You have exceeded the maximum number of allowed requests. (A fault of the sandbox.)')
}

/** The bought number a text goes out from: `from`, or any number of the profile. */
function sender (state: CarrierState, { from, messaging_profile_id: profileId }: SendBody): OwnedNumber {
  if (from === undefined) {
    const pooled = profileId === undefined ? undefined : state.numbers().find((number) => number.profileId === profileId)
    if (pooled === undefined) throw new TelnyxError(400, '40321', 'Give `from`, or a messaging profile that has a number.')
    return pooled
  }
  const number = state.number(from)
  if (number?.phoneNumber !== from || number.profileId === null || (profileId ?? number.profileId) !== number.profileId) {
    throw new TelnyxError(400, '40305', "The 'from' address must be a phone number of this account that is assigned to the messaging profile.")
  }
  if (state.profiles.get(number.profileId)?.enabled !== true) throw new TelnyxError(400, '40312')
  return number
}

/** @returns the recipient */
function checkText ({ to = '', text = '', media_urls: media = [] }: SendBody): string {
  if (!e164.test(to)) throw new TelnyxError(400, '40310', "The 'to' address must be a phone number in +E.164 form.")
  const forced = forcedOutcome(to)
  if (forced !== undefined && 'refuse' in forced) throw new TelnyxError(forced.refuse === '40300' ? 403 : 400, forced.refuse)
  if (text === '' && media.length === 0) throw new TelnyxError(400, '40316', 'Give `text` or `media_urls`.')
  if (media.length > mostMedia) throw new TelnyxError(400, '40317', `At most ${mostMedia} media URLs fit in one message.`)
  if (segmentText(text).parts > mostParts) throw new TelnyxError(400, '40302', `The text takes more than ${mostParts} parts.`)
  return to
}
