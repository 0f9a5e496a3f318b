/** Where the gateway listens. */
import type { Server } from 'node:http'
import { createServer, type Server as NetServer } from 'node:net'
import { type Config, ConfigFault } from './config.js'

export type Place = {
  /** What it is reached under, without a slash at the end. */
  url: string
  listen(server: Server): Promise<void>
}

/** With port 0, a free port is taken at once and held until the gateway listens there. */
export async function choosePlace({ port, host }: Config): Promise<Place> {
  const free = port === 0 ? await holdFreePort(host) : undefined
  return {
    url: `http://${host}:${free?.port ?? port}`,
    listen: (server) => listen(server, free?.held ?? { port, host }),
  }
}

/** A port that nobody has, held so that nobody takes it before the gateway listens there. */
function holdFreePort(host: string): Promise<{ port: number; held: NetServer }> {
  return new Promise((resolve, reject) => {
    const held = createServer().unref()
    held.once('error', reject)
    held.listen(0, host, () => resolve({ port: (held.address() as { port: number }).port, held }))
  })
}

function listen(server: Server, at: { port: number; host: string } | NetServer): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE' && 'port' in at
      reject(isTaken ? new ConfigFault([`PORT: ${at.host}:${at.port} is in use`]) : error)
    })
    server.listen(at, resolve)
  })
}
