/** The way from a gateway to its database, which can be cut so that answers are lost on it. */

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export type Wire = {
  /** The database's, by this way. */
  url: string
  /** For a while what is asked arrives and no answer comes back; then every connection breaks. */
  cut(muteMs: number): Promise<void>
  close(): Promise<void>
}

export async function wireTo(database: string): Promise<Wire> {
  const there = new URL(database)
  const sockets = new Set<Socket>()
  let isMute = false

  const server = createServer((near) => {
    const far = connect(Number(there.port), there.hostname)
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => isMute || near.write(bytes))
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(database)
  url.port = String((server.address() as AddressInfo).port)

  return {
    url: url.href,
    async cut(muteMs) {
      isMute = true
      await pause(muteMs)
      breakAll()
      isMute = false
    },
    async close() {
      breakAll()
      await new Promise((resolve) => server.close(resolve))
    },
  }

  function breakAll(): void {
    for (const socket of sockets) socket.destroy()
  }
}
