// The carrier's SDK, loaded when it is first needed: it costs the start a tenth of a second.
import { type Telnyx } from 'telnyx'
import { type Config } from '../../config.js'

export type TelnyxSettings = Pick<Config, 'TELNYX_API_KEY' | 'TELNYX_BASE_URL'>

/** Milliseconds. */
const REQUEST_TIMEOUT = 10_000

/** Nothing is tried again unless a call says so: most of what we ask for costs money. */
export function openClient (settings: TelnyxSettings): () => Promise<Telnyx> {
  let client: Promise<Telnyx> | undefined
  return () => {
    client ??= import('telnyx').then(({ Telnyx: Client }) => new Client({
      // The sandbox takes any key.
      apiKey: settings.TELNYX_API_KEY ?? 'sandbox',
      baseURL: settings.TELNYX_BASE_URL,
      maxRetries: 0,
      timeout: REQUEST_TIMEOUT,
      logLevel: 'off'
    }))
    return client
  }
}
