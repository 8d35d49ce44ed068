// `koinonia sandbox`: the local carrier with its phone page as a process of its own; and how serve takes it in.
import { type Command } from 'commander'
import { join } from 'node:path'
import { loadConfig } from '../config.js'
import { createLogger } from '../log.js'
import { startCarrier } from '../sandbox/carrier/start-carrier.js'
import { stopOnSignal } from './until-stopped.js'

export function sandboxCommand (command: Command): void {
  command
    .option('--port <port>', 'port to listen on', '3001')
    .option('--memory', 'forget everything at the end instead of keeping it in DATA_DIR')
    .action(async (options: { port: string, memory?: true }) => {
      const config = loadConfig()
      const log = createLogger(config)
      const carrier = await startCarrier({ port: Number(options.port), host: config.HOST, dataDir: options.memory === true ? undefined : join(config.DATA_DIR, 'sandbox') })
      console.log(`Phones: ${carrier.url}/sandbox\nStart the API with:\n  TELNYX_API_KEY=sandbox\n  TELNYX_BASE_URL=${carrier.baseUrl}\n  TELNYX_PUBLIC_KEY=${carrier.publicKey}\n  INBOUND_MEDIA_PRIVATE=true`)
      stopOnSignal(() => carrier.close(), 5_000, log)
    })
}
