// A TCP door to the test server that a test can shut and open again, or leave open with nothing coming through, to play a network that fails.
import net from 'node:net'

export async function switchableProxy (t: { teardown: (run: () => Promise<void>) => unknown }, target: { host: string, port: number }) {
  const pairs = new Set<readonly [net.Socket, net.Socket]>()
  let server: net.Server | undefined
  let port = 0
  let silent = false
  const shut = async (): Promise<void> => {
    const closing = server
    server = undefined
    for (const [near, far] of pairs) {
      near.destroy()
      far.destroy()
    }
    if (closing !== undefined) await new Promise((resolve) => closing.close(resolve))
  }
  const connect = ([near, far]: readonly [net.Socket, net.Socket]): void => {
    near.pipe(far)
    far.pipe(near)
  }
  const open = async (): Promise<void> => {
    const opening = server = net.createServer((near) => {
      const far = net.connect(target.port, target.host)
      const pair = [near, far] as const
      pairs.add(pair)
      for (const [socket, other] of [[near, far], [far, near]] as const) {
        socket.on('error', () => { other.destroy() })
        socket.on('close', () => {
          // A closing is not heard through the wall either.
          if (!silent) other.destroy()
          pairs.delete(pair)
        })
      }
      if (!silent) connect(pair)
    })
    await new Promise<void>((resolve) => opening.listen(port, '127.0.0.1', resolve))
    port = (opening.address() as net.AddressInfo).port
  }
  /** Connections stay, and new ones are accepted, but nothing comes through any more in either direction. */
  const silence = (): void => {
    silent = true
    for (const [near, far] of pairs) for (const socket of [near, far]) socket.unpipe().pause()
  }
  const speak = (): void => {
    silent = false
    for (const pair of pairs) connect(pair)
  }
  await open()
  t.teardown(shut)
  return { port: () => port, shut, open, silence, speak }
}
