/** Other gateways, started by their scripts in the folder `PEERS`, each in front of the same echo. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Contender } from './contender.js'
import type { Target } from './load.js'
import { openSession, toolTarget } from './mcp-session.js'
import { processTree } from './process-tree.js'
import { eventually, freePort, startProgram } from './processes.js'

/** The scripts install their packages at the first start. */
const START_TIMEOUT_MS = 240_000

/** Where the scripts install their packages. */
const PEER_HOME = process.env.PEER_HOME || join(tmpdir(), 'souk-peers')
/** Header and value of a payment that the x402 middleware takes again and again. */
const PAYMENT_FILE = join(PEER_HOME, 'x402', 'pay.txt')

type Peer = {
  name: string
  script: string
  tool: string
  /** The headers of its client, once it is ready. */
  open(url: string): Promise<Record<string, string> | undefined>
  /** Its own child process that stands for somebody else's server. */
  hasServer?: true
}

const PEERS: Peer[] = [
  { name: 'mcp-proxy', script: 'mcp-proxy.sh', tool: 'echo', open: openSession },
  { name: 'supergateway', script: 'supergateway.sh', tool: 'echo', open: openSession },
  { name: 'fastmcp-openapi', script: 'fastmcp-openapi.sh', tool: 'echo', open: openSession },
  { name: 'sdk-naive', script: 'sdk-naive.sh', tool: 'up__echo', open: openSession },
  { name: 'x402-express', script: 'x402.sh', tool: 'echo', open: openPaid, hasServer: true },
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
  for (const peer of PEERS.filter(({ name }) => isWanted(name))) {
    try {
      peers.contenders.push(await startPeer(folder, upstream, peer))
    } catch (error) {
      peers.missing.push(`${peer.name}: ${(error as Error).message}`)
    }
  }
  return peers
}

async function startPeer(folder: string, upstream: string, peer: Peer): Promise<Contender> {
  const script = join(folder, peer.script)
  if (!existsSync(script)) throw new Error(`there is no ${script}`)
  // One that an earlier start left behind says nothing of this one.
  rmSync(PAYMENT_FILE, { force: true })
  const port = await freePort(1)
  const url = `http://127.0.0.1:${port}/mcp`
  const env = { ...process.env, PEER_HOME, PORT: String(port), UP_URL: `${upstream}/mcp` }
  const program = startProgram('bash', [script], { env })
  const headers = await eventually(program, START_TIMEOUT_MS, () => peer.open(url))
  const params = { name: peer.tool, arguments: { text: 'hello-{n}.' } }
  const target: Target = toolTarget([url], [headers], params, ['echo:hello-{n}.'])
  const [, child] = processTree(program.pid) ?? []
  const serverPid = peer.hasServer ? child?.pid : undefined
  return { name: peer.name, pids: [program.pid], serverPid, target }
}

/** A session that pays for each request; `undefined` until the payment is signed. */
async function openPaid(url: string): Promise<Record<string, string> | undefined> {
  const [header, value] = /^([\w-]+)=(.*);/.exec(readFileSync(PAYMENT_FILE, 'utf8'))?.slice(1) ?? []
  return header === undefined ? undefined : openSession(url, { [header]: value! })
}
