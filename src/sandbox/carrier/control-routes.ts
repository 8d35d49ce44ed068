// The tester's side of the carrier: what phones got, texting in, counts and faults.
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { receiveText, type Carriage } from './carry-message.js'
import { ControlError } from './control-error.js'
import { faultsSchema, type Faults } from './faults.js'
import type { MediaFolder } from './media-folder.js'
import { sandboxRoute } from './sandbox-route.js'
import { bodyReader, readCount, readQuery } from './read-request.js'
import { showText } from './show-text.js'

const e164 = Type.String({ pattern: '^\\+[1-9]\\d{6,14}$' })
const readInbound = bodyReader(Type.Object({
  from: e164,
  to: e164,
  text: Type.Optional(Type.String({ maxLength: 1_600 })),
  mediaUrls: Type.Optional(Type.Array(Type.String({ pattern: '^https?://' }), { maxItems: 10 }))
}, { additionalProperties: false }))
const readFaults = bodyReader(faultsSchema)

export interface Controlled { carriage: Carriage, folder: MediaFolder, faults: Faults, publicKey: string }

export function controlRoutes (app: FastifyInstance, { carriage, folder, faults, publicKey }: Controlled): void {
  const { state, events } = carriage

  app.get('/messages', sandboxRoute, async (request) => {
    const query = readQuery(request)
    const limit = readCount(query, 'limit', { byDefault: 1_000, most: 100_000 })
    const found = state.messages.find({ from: query.get('from') ?? undefined, to: query.get('to') ?? undefined, limit })
    return { items: found.map(showText) }
  })

  app.delete('/messages', sandboxRoute, async (_request, reply) => {
    state.record({ set: 'cleared' })
    return reply.code(204).send()
  })

  app.post('/inbound', sandboxRoute, async (request, reply) => {
    const { from, to, text = '', mediaUrls = [] } = readInbound(request)
    if (text === '' && mediaUrls.length === 0) throw new ControlError(422, 'Nothing to send', 'Give `text`, `mediaUrls` or both.')
    const number = state.number(to)
    if (number === undefined) {
      throw new ControlError(404, 'No such number', `${to} is no number of this carrier. GET /sandbox/numbers lists those that were bought.`)
    }
    if (number.profileId === null) {
      throw new ControlError(409, 'Number without a profile', `${to} was bought but has no messaging profile yet, so nobody would hear of this text. Assign one, then text again.`)
    }
    const media = await Promise.all(mediaUrls.map(async (url) => await folder.at(url)))
    return reply.code(202).send(showText(receiveText(carriage, number, { from, text, mediaUrls, media })))
  })

  app.get('/numbers', sandboxRoute, async () => ({
    items: state.numbers().map(({ phoneNumber, profileId }) => ({ phoneNumber, messagingProfileId: profileId }))
  }))

  app.get('/counts', sandboxRoute, async () => ({
    accepted: state.messages.accepted,
    duplicates: state.messages.duplicates,
    inbound: state.messages.inbound,
    webhooks: { pending: events.pending, ...events.counts }
  }))

  app.get('/carrier', sandboxRoute, async () => ({ publicKey, numbers: state.numbers().length, profiles: state.profiles.size }))

  app.get('/faults', sandboxRoute, async () => faults.settings)

  app.put('/faults', sandboxRoute, async (request) => {
    faults.set(readFaults(request))
    return faults.settings
  })
}
