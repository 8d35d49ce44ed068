// Telnyx as the service's carrier: numbers through the SDK, texts through the sender, each loaded when it is first needed.
import { type Logger } from 'pino'
import { type Config } from '../../config.js'
import { type Carrier } from '../carrier.js'
import { slowingCodes, temporaryCodes } from './error-codes.js'
import { createNumbers } from './numbers.js'
import { openClient } from './open-client.js'
import { type Sender } from './send.js'

/** Opens nothing until it is used. */
export function createTelnyxCarrier (config: Config, log: Logger): Carrier {
  let opened: Promise<Sender> | undefined
  const open = async (): Promise<Sender> => (await import('./send.js')).createSender(config, log)
  return {
    ...createNumbers(openClient(config)),
    send: async (text) => await (await (opened ??= open())).send(text),
    close: async () => { await (await opened)?.close() },
    temporaryFailures: temporaryCodes,
    slowingFailures: slowingCodes
  }
}
