/** A wire between a client and a gateway, which can be cut as networks do: without a word. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Wire = {
  /** The gateway, through the wire. */
  url: string
  /** Ends all connections at both sides; resolves once the gateway has been told. */
  cut(): Promise<void>
  close(): Promise<void>
}

export async function aWire(url: string): Promise<Wire> {
  const pairs = new Map<Socket, Socket>()
  const server = createServer((near) => {
    const far = connect(Number(new URL(url).port), new URL(url).hostname)
    pairs.set(near, far)
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) socket.on('error', () => socket.destroy())
    far.once('close', () => pairs.delete(near))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = async () => {
    const closed = [...pairs].map(async ([near, far]) => {
      const over = once(far, 'close')
      near.destroy()
      far.destroy()
      await over
    })
    await Promise.all(closed)
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    close: async () => {
      await cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
