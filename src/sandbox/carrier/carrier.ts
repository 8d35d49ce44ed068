// The sandbox carrier as a Fastify plugin: Telnyx's API, the tester's controls and the phone page, all under /sandbox.
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { followOn, type Carriage } from './carry-message.js'
import { availableNumberRoutes } from './available-numbers.js'
import { sendControlError } from './control-error.js'
import { controlRoutes } from './control-routes.js'
import { Faults } from './faults.js'
import { FetchMedia } from './fetch-media.js'
import { LiveFeed } from './live-feed.js'
import { MediaFolder } from './media-folder.js'
import { mediaRoutes } from './media-routes.js'
import { messageRoutes } from './message-routes.js'
import { numberRoutes } from './number-routes.js'
import { awaitOrder, orderRoutes } from './order-routes.js'
import { pageRoutes } from './page-routes.js'
import { PostEvents } from './post-events.js'
import { profileRoutes } from './profile-routes.js'
import { Schedule } from './schedule.js'
import { loadSigningKey, type SigningKey } from './signing-key.js'
import { CarrierState } from './state.js'
import { telnyxScope } from './telnyx-scope.js'

export interface CarrierOptions {
  /** Keeps numbers, profiles, texts and the key here; without it they live as long as the process. */
  dataDir?: string | undefined
  /** From `loadSigningKey`, for a caller that needs the public key before the plugin is registered. */
  key?: SigningKey | undefined
  /** Milliseconds a number order stays pending. */
  orderDelayMs?: number | undefined
  /** Milliseconds from acceptance to the `sent` event. */
  sentDelayMs?: number | undefined
  /** Milliseconds from acceptance to the final event. */
  finalDelayMs?: number | undefined
  /** False: texts are accepted and counted, stay queued, and no delivery event is sent. */
  deliver?: boolean | undefined
  /** Texts kept whole; older ones are forgotten but stay counted. */
  keepMessages?: number | undefined
  /** Events posted at once. */
  webhookConcurrency?: number | undefined
  /** Milliseconds before the second, third … attempt to post an event, or to fetch what a text carries. */
  retryDelaysMs?: readonly number[] | undefined
  /** Hears of each request that is not as Telnyx publishes it. It is refused in any case. */
  onUnpublished?: ((what: string) => void) | undefined
}

/** Where the carrier's API is, below the address it listens on: what TELNYX_BASE_URL ends with. */
export const carrierApiPath = '/sandbox/telnyx/v2'

/** No line per request: their URLs hold phone numbers. */
const logLevel = 'error'

/** Registered without a prefix; encapsulated, so it leaves the host application's hooks and handlers alone. */
export const carrier: FastifyPluginAsync<CarrierOptions> = async (app, options) => {
  const { dataDir, orderDelayMs = 300, sentDelayMs = 60, finalDelayMs = 350, deliver = true, retryDelaysMs = [250, 1_000] } = options
  const key = options.key ?? loadSigningKey(dataDir)
  const state = new CarrierState({
    dataDir,
    keepMessages: options.keepMessages ?? 20_000,
    onJournalFailure: (err) => app.log.error({ err }, 'The sandbox carrier cannot write its journal: what happens from now on is forgotten at a restart')
  })
  const faults = new Faults()
  const schedule = new Schedule()
  const events = new PostEvents({
    key, faults, schedule, concurrency: options.webhookConcurrency ?? 32, retryDelaysMs
  })
  const folder = new MediaFolder(dataDir)
  const fetchMedia = new FetchMedia(folder, retryDelaysMs)
  const carriage: Carriage = { state, events, schedule, fetchMedia, pace: deliver ? { sentMs: sentDelayMs, finalMs: finalDelayMs } : null }
  const feed = new LiveFeed(state)
  const orders = { schedule, orderDelayMs }

  await app.register(telnyxScope((scope) => {
    messageRoutes(scope, carriage, faults)
    availableNumberRoutes(scope, state)
    orderRoutes(scope, state, orders)
    numberRoutes(scope, state)
    profileRoutes(scope, state)
  }, options.onUnpublished ?? (() => undefined)), { prefix: carrierApiPath, logLevel })
  await app.register(async (scope: FastifyInstance) => {
    scope.setErrorHandler((error: Error, _request, reply) => sendControlError(error, reply))
    controlRoutes(scope, { carriage, folder, faults, publicKey: key.publicKey })
    mediaRoutes(scope, folder)
    feed.routes(scope)
    pageRoutes(scope)
  }, { prefix: '/sandbox', logLevel })

  app.addHook('onReady', async () => {
    for (const message of state.messages.all()) if (message.direction === 'outbound') followOn(carriage, message)
    for (const order of state.orders.values()) awaitOrder(state, orders, order)
  })
  // Before the server waits for its connections: an open feed would keep it waiting.
  app.addHook('preClose', async () => feed.close())
  app.addHook('onClose', async () => {
    schedule.close()
    await fetchMedia.close()
    await events.close()
    folder.close()
    await state.close()
  })
}
