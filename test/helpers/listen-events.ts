// Listens to GET /api/events the way a client does, and keeps what came.
import { type FastifyInstance } from 'fastify'

export interface HeardEvent { id: string, event: string, data: Record<string, unknown> }

export interface Listening {
  status: number
  headers: Record<string, unknown>
  /** In the order they came. */
  heard: HeardEvent[]
  /** All that came, as it came. */
  text: () => string
  /** The id to resume with: also frames without an event move it. */
  lastEventId: () => string
  ended: Promise<void>
  close: () => void
}

/** Without a listening socket: the answer goes out as a stream. */
export async function listenEvents (app: FastifyInstance, headers: Record<string, string>, query = ''): Promise<Listening> {
  const response = await app.inject({ url: `/api/events${query}`, headers, payloadAsStream: true })
  const stream = response.stream()
  const heard: HeardEvent[] = []
  let text = ''
  let rest = ''
  let lastEventId = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text += chunk
    const frames = (rest + chunk).split('\n\n')
    rest = frames.pop() ?? ''
    for (const frame of frames) {
      const fields = new Map(frame.split('\n').filter((line) => !line.startsWith(':')).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]))
      lastEventId = fields.get('id') ?? lastEventId
      const event = fields.get('event')
      if (event !== undefined) heard.push({ id: lastEventId, event, data: JSON.parse(fields.get('data') ?? '{}') as Record<string, unknown> })
    }
  })
  const ended = new Promise<void>((resolve) => { stream.once('close', () => { resolve() }) })
  return { status: response.statusCode, headers: response.headers, heard, text: () => text, lastEventId: () => lastEventId, ended, close: () => { stream.destroy() } }
}
