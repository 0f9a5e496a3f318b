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
/** What is echoed, a number in it for each request. */
const TEXT = 'hello-{n}.'

type Peer = {
  name: string
  script: string
  /** What it is asked, once it is ready; `undefined` until then. */
  open(origin: string): Promise<Target | undefined>
  /** Its own child process that stands for somebody else's server. */
  hasServer?: true
}

const PEERS: Peer[] = [
  { name: 'mcp-proxy', script: 'mcp-proxy.sh', open: echo, hasServer: true },
  { name: 'mcp-proxy-http', script: 'mcp-proxy-http.sh', open: echo },
  { name: 'supergateway', script: 'supergateway.sh', open: echo, hasServer: true },
  { name: 'mcp-hub', script: 'mcp-hub.sh', open: overRest },
  { name: 'fastmcp-openapi', script: 'fastmcp-openapi.sh', open: echo },
  { name: 'sdk-naive', script: 'sdk-naive.sh', open: (origin) => echo(origin, 'up__echo') },
  { name: 'x402-express', script: 'x402.sh', open: paidEcho, hasServer: true },
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
  const env = { ...process.env, PEER_HOME, PORT: String(port), UP_URL: `${upstream}/mcp` }
  const program = startProgram('bash', [script], { env })
  const origin = `http://127.0.0.1:${port}`
  const target = await eventually(program, START_TIMEOUT_MS, () => peer.open(origin))
  const [, child] = processTree(program.pid) ?? []
  const serverPid = peer.hasServer ? child?.pid : undefined
  return { name: peer.name, pids: [program.pid], serverPid, target }
}

/** Over MCP, in one session. */
async function echo(
  origin: string,
  tool = 'echo',
  payment?: Record<string, string>,
): Promise<Target> {
  const url = `${origin}/mcp`
  const params = { name: tool, arguments: { text: TEXT } }
  return toolTarget([url], [await openSession(url, payment)], params, [`echo:${TEXT}`])
}

/** Its MCP side is the older transport alone, so it is asked as its own pages do. */
async function overRest(origin: string): Promise<Target | undefined> {
  const url = `${origin}/api/servers/tools`
  const body = JSON.stringify({ server_name: 'up', tool: 'echo', arguments: { text: TEXT } })
  const headers = { 'content-type': 'application/json' }
  const { ok } = await fetch(url, { method: 'POST', headers, body })
  return ok ? { urls: [url], headers: [headers], body, expected: [`echo:${TEXT}`] } : undefined
}

/** Each request pays; `undefined` until the payment is signed. */
async function paidEcho(origin: string): Promise<Target | undefined> {
  const [header, value] = /^([\w-]+)=(.*);/.exec(readFileSync(PAYMENT_FILE, 'utf8'))?.slice(1) ?? []
  return header === undefined ? undefined : echo(origin, 'echo', { [header]: value! })
}
