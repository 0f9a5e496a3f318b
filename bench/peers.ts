/** Other gateways, started by their scripts in the folder `PEERS`, each in front of the same echo. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Contender } from './contender.js'
import { openSession, toolTarget } from './mcp-session.js'
import { eventually, freePort, startProgram } from './processes.js'

/** The scripts install their packages at the first start. */
const START_TIMEOUT_MS = 240_000

/** Scripts by name, and the tool that echoes. */
const PEERS = [
  { name: 'mcp-proxy', tool: 'echo' },
  { name: 'supergateway', tool: 'echo' },
  { name: 'fastmcp-openapi', tool: 'echo' },
  { name: 'sdk-naive', tool: 'up__echo' },
]

export type Peers = {
  contenders: Contender[]
  /** Those that did not start, and why. */
  missing: string[]
}

/** One after the other: their installations share a folder. */
export async function startPeers(
  folder: string,
  upstream: string,
  isWanted: (name: string) => boolean,
): Promise<Peers> {
  const peers: Peers = { contenders: [], missing: [] }
  for (const { name, tool } of PEERS.filter((peer) => isWanted(peer.name))) {
    try {
      peers.contenders.push(await startPeer(folder, upstream, name, tool))
    } catch (error) {
      peers.missing.push(`${name}: ${(error as Error).message}`)
    }
  }
  return peers
}

async function startPeer(
  folder: string,
  upstream: string,
  name: string,
  tool: string,
): Promise<Contender> {
  const script = join(folder, `${name}.sh`)
  if (!existsSync(script)) throw new Error(`there is no ${script}`)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/mcp`
  const env = { ...process.env, PORT: String(port), UP_URL: `${upstream}/mcp` }
  const program = startProgram('bash', [script], { env })
  const session = await eventually(program, START_TIMEOUT_MS, () => openSession(url))
  const params = { name: tool, arguments: { text: 'hello-{n}.' } }
  const target = toolTarget(url, session, params, ['echo:hello-{n}.'])
  return { name, pid: program.pid, target }
}
