/** A session of an `initialize`-based MCP client, and its requests. */
import type { Target } from './load.js'

const VERSION = '2025-06-18'

/** Gives up without an answer after this long. */
const TIMEOUT_MS = 10_000

/**
 * Opens a session.
 *
 * @returns the headers of its requests.
 * @throws Error when the server does not serve it.
 */
export async function openSession(
  url: string,
  headers: Record<string, string> = {},
): Promise<Record<string, string>> {
  const all = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...headers,
  }
  const opened = await post(url, all, {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: {
      protocolVersion: VERSION,
      capabilities: {},
      clientInfo: { name: 'bench', version: '1' },
    },
  })
  if (opened.status !== 200) throw new Error(`initialize was answered with ${opened.status}`)
  const id = opened.headers.get('mcp-session-id')
  const session = {
    ...all,
    'mcp-protocol-version': VERSION,
    ...(id !== null && { 'mcp-session-id': id }),
  }
  await post(url, session, { jsonrpc: '2.0', method: 'notifications/initialized' })
  return session
}

/** The target of a tool's call, from one or several clients of one or several servers. */
export function toolTarget(
  urls: string[],
  headers: Record<string, string>[],
  params: object,
  expected: string[],
): Target {
  // A number is written where the quotes of its placeholder were.
  const body = JSON.stringify({ jsonrpc: '2.0', id: '{n}', method: 'tools/call', params })
  return {
    urls,
    headers,
    body: body.replace('"{n}"', '{n}'),
    expected: ['"id":{n}', ...expected],
  }
}

async function post(url: string, headers: Record<string, string>, body: object): Promise<Response> {
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  await response.arrayBuffer()
  return response
}
