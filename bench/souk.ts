/** Souk in one of its homes, on a database of its own: the same call, bought in three ways. */
import type { Contender } from './contender.js'
import { inParallel } from './in-parallel.js'
import type { Target } from './load.js'
import { openSession, toolTarget } from './mcp-session.js'
import { restOf } from './rest.js'
import { type GatewayOptions, startGateways } from './souk-gateways.js'
import { ENDPOINT, openMarket } from './souk-market.js'

const MODERN_VERSION = '2026-07-28'
const ORDER = { endpoint_id: ENDPOINT, arguments: { text: 'hello-{n}.' } }
const TOOL_CALL = { name: 'call_api', arguments: ORDER }
const EXPECTED = ['"outcome":"charged"', '"text":"echo:hello-{n}."']

export type Souk = {
  contenders: Contender[]
  /** @throws Error that says what is wrong, when it did not sell exactly so many calls. */
  audit(calls: number): Promise<string>
  end(): Promise<void>
}

export async function startSouk(
  options: GatewayOptions & { buyers: number[]; isWanted(name: string): boolean },
): Promise<Souk> {
  const { home, postgres, upstream, isWanted } = options
  const { urls, pids, operatorKey, end } = await startGateways(options)
  const market = await openMarket(restOf(urls[0]!), operatorKey, upstream)
  const serverPid = home === 'sqlite' ? undefined : postgres!.pid
  const contenders: Contender[] = []
  for (const buyers of options.buyers) {
    const keys = await market.openBuyers(buyers)
    for (const [name, targetOf] of Object.entries(WAYS_TO_BUY)) {
      if (!isWanted(name)) continue
      const target = await targetOf(urls, keys)
      contenders.push({ name, souk: { home, buyers }, pids, serverPid, target })
    }
  }
  const audit = async (calls: number) => `${home}: ${await market.audit(calls)}`
  return { contenders, audit, end }
}

type TargetOf = (urls: string[], keys: string[]) => Target | Promise<Target>

export const WAYS_TO_BUY: Record<string, TargetOf> = {
  'souk-mcp': withSessions,
  'souk-mcp-modern': withoutSessions,
  'souk-rest': overRest,
}

/** One session a key; every gateway takes it. */
async function withSessions(urls: string[], keys: string[]): Promise<Target> {
  const mcp = urls.map((url) => `${url}/mcp`)
  const sessions = await inParallel(keys, (key) => openSession(mcp[0]!, bearer(key)))
  return toolTarget(mcp, sessions, TOOL_CALL, EXPECTED)
}

function withoutSessions(urls: string[], keys: string[]): Target {
  const headers = keys.map((key) => ({
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': MODERN_VERSION,
    'mcp-method': 'tools/call',
    'mcp-name': 'call_api',
    ...bearer(key),
  }))
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN_VERSION,
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const mcp = urls.map((url) => `${url}/mcp`)
  return toolTarget(mcp, headers, { ...TOOL_CALL, _meta }, EXPECTED)
}

function overRest(urls: string[], keys: string[]): Target {
  return {
    urls: urls.map((url) => `${url}/v1/calls`),
    headers: keys.map((key) => ({ 'content-type': 'application/json', ...bearer(key) })),
    body: JSON.stringify(ORDER),
    expected: EXPECTED,
  }
}

function bearer(key: string): { authorization: string } {
  return { authorization: `Bearer ${key}` }
}
