// A TCP door to the test server that a test can shut and open again, to play a network that fails.
import net from 'node:net'

export async function switchableProxy (t: { teardown: (run: () => Promise<void>) => unknown }, target: { host: string, port: number }) {
  const sockets = new Set<net.Socket>()
  let server: net.Server | undefined
  let port = 0
  const shut = async (): Promise<void> => {
    const closing = server
    server = undefined
    for (const socket of sockets) socket.destroy()
    if (closing !== undefined) await new Promise((resolve) => closing.close(resolve))
  }
  const open = async (): Promise<void> => {
    const opening = server = net.createServer((near) => {
      const far = net.connect(target.port, target.host)
      for (const [socket, other] of [[near, far], [far, near]] as const) {
        sockets.add(socket)
        socket.pipe(other)
        socket.on('error', () => { other.destroy() })
        socket.on('close', () => { sockets.delete(socket) })
      }
    })
    await new Promise<void>((resolve) => opening.listen(port, '127.0.0.1', resolve))
    port = (opening.address() as net.AddressInfo).port
  }
  await open()
  t.teardown(shut)
  return { port: () => port, shut, open }
}
