// The sandbox carrier as a server of its own: for `koinonia sandbox`, crash tests and benchmarks.
import fastify from 'fastify'
import { carrier, carrierApiPath, type CarrierOptions } from './carrier.js'
import { loadSigningKey } from './signing-key.js'

export interface StartCarrierOptions extends CarrierOptions {
  /** 0, the default, lets the system choose. */
  port?: number | undefined
  host?: string | undefined
}

export interface RunningCarrier {
  /** `http://host:port`; the phone page is at `${url}/sandbox`. */
  url: string
  /** For TELNYX_BASE_URL. */
  baseUrl: string
  /** For TELNYX_PUBLIC_KEY: 32 raw bytes in base64. */
  publicKey: string
  close (): Promise<void>
}

/** @throws the system's error when the port cannot be listened on */
export async function startCarrier (options: StartCarrierOptions = {}): Promise<RunningCarrier> {
  const { port = 0, host = '127.0.0.1', ...rest } = options
  const key = rest.key ?? loadSigningKey(rest.dataDir)
  // Only failures are told, and on stderr: stdout is the command's.
  const app = fastify({ logger: { level: 'error', stream: process.stderr }, forceCloseConnections: true, routerOptions: { ignoreTrailingSlash: true } })
  await app.register(carrier, { ...rest, key })
  const url = await app.listen({ port, host })
  return { url, baseUrl: url + carrierApiPath, publicKey: key.publicKey, close: () => app.close() }
}
