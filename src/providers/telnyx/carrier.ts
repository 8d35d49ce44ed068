// Telnyx as the service's carrier: numbers through the SDK, texts through the sender.
import { type Logger } from 'pino'
import { type Config } from '../../config.js'
import { type Carrier } from '../carrier.js'
import { slowingCodes, temporaryCodes } from './error-codes.js'
import { createNumbers } from './numbers.js'
import { openClient } from './open-client.js'
import { createSender } from './send.js'

/** Opens nothing until it is used. */
export function createTelnyxCarrier (config: Config, log: Logger): Carrier {
  return { ...createNumbers(openClient(config)), ...createSender(config, log), temporaryFailures: temporaryCodes, slowingFailures: slowingCodes }
}
