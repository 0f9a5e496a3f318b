/** Gateways that relay MCP servers whole, and clients that speak to them by hand or by an SDK. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { expect } from 'vitest'
import { anOperator, eventually } from '../support/an-operator.js'
import { type Json, OPERATOR_KEY } from '../support/world.js'

export const ALL = { accept: 'application/json, text/event-stream' }
const MODERN = '2026-07-28'
const META = 'io.modelcontextprotocol'

export type Told = { status: number; headers: Headers; messages: Json[]; text: string }

export type ARelay = Awaited<ReturnType<typeof aRelay>>

let gateways = 0

/** @param settings beside those of every world. */
export async function aRelay(settings: Record<string, string> = {}) {
  const operator = await anOperator(settings)
  const { world } = operator
  const { json: me } = await world.rest('GET', '/v1/me', OPERATOR_KEY)
  const grant = { amount: '5', reason: 'test' }
  await world.rest('POST', `/v1/accounts/${me.id}/grants`, OPERATOR_KEY, grant)
  let lastId = 0

  async function send(path: string, message: Json, more: SendOptions = {}): Promise<Told> {
    const { key = OPERATOR_KEY, session, headers = {}, signal } = more
    const response = await fetch(world.url + path, {
      method: 'POST',
      headers: {
        ...{ ...ALL, 'content-type': 'application/json', authorization: `Bearer ${key}` },
        ...(session !== undefined && { 'mcp-session-id': session }),
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      ...(signal && { signal }),
    })
    return told(response)
  }

  return {
    ...operator,
    send,
    /** A request of the session era; `id` of its own unless given. */
    ask: (
      path: string,
      method: string,
      params: Json = {},
      more: SendOptions & { id?: unknown } = {},
    ) => send(path, { id: more.id ?? ++lastId, method, params }, more),
    /** A request of 2026-07-28. */
    modern(path: string, method: string, params: Json = {}, more: ModernOptions = {}) {
      const { capabilities = {}, ...rest } = more
      const meta = {
        [`${META}/protocolVersion`]: MODERN,
        [`${META}/clientInfo`]: { name: 'modern', version: '1' },
        [`${META}/clientCapabilities`]: capabilities,
        ...(params._meta as Json | undefined),
      }
      const name = params.name ?? params.uri
      const headers = {
        ...{ 'mcp-protocol-version': MODERN, 'mcp-method': method },
        ...(name !== undefined && { 'mcp-name': String(name) }),
        ...rest.headers,
      }
      const message = { id: ++lastId, method, params: { ...params, _meta: meta } }
      return send(path, message, { ...rest, headers })
    },
    /** A subscription with the id `mine`, read as it comes. */
    listening(path: string, params: Json) {
      const _meta = {
        [`${META}/protocolVersion`]: MODERN,
        [`${META}/clientInfo`]: { name: 'modern', version: '1' },
        [`${META}/clientCapabilities`]: {},
      }
      const method = 'subscriptions/listen'
      return eventsOf(
        world.url + path,
        {
          ...{ ...ALL, 'content-type': 'application/json' },
          ...{ authorization: `Bearer ${OPERATOR_KEY}` },
          ...{ 'mcp-protocol-version': MODERN, 'mcp-method': method },
        },
        JSON.stringify({ jsonrpc: '2.0', id: 'mine', method, params: { ...params, _meta } }),
      )
    },
    /** Begins a session; gives its id. */
    async initialize(path: string, capabilities: Json = {}, key = OPERATOR_KEY): Promise<string> {
      const clientInfo = { name: 'by-hand', version: '1' }
      const params = { protocolVersion: '2025-11-25', capabilities, clientInfo }
      const begun = await send(path, { id: 'init', method: 'initialize', params }, { key })
      expect(begun.status, begun.text).toBe(200)
      const session = begun.headers.get('mcp-session-id')!
      await send(path, { method: 'notifications/initialized' }, { key, session })
      return session
    },
    /** Registers a server and gives the path of a gateway that relays it, once its tools are on sale. */
    async relaying(url: string, count: number, changes: Json = {}) {
      const { id, name } = await operator.register({ url, ...changes })
      const endpoint = `relay-${++gateways}`
      const made = await world.rest('POST', '/v1/gateways', OPERATOR_KEY, {
        ...{ name: 'Relay', type: 'mcp', endpoint, configuration: { relay: name } },
      })
      expect(made.status, made.text).toBe(201)
      await eventually(async () => {
        expect((await operator.toolsOf(id)).tools).toHaveLength(count)
      })
      return { path: `/mcp/${me.slug}/${endpoint}`, server: name, id }
    },
    /** Another key of the operator's account. */
    async anotherKey(): Promise<string> {
      const made = await world.rest('POST', '/v1/keys', OPERATOR_KEY, {
        name: 'other',
        scopes: ['read', 'call'],
      })
      expect(made.status, made.text).toBe(201)
      return made.json.api_key as string
    },
    balance: async (): Promise<number> =>
      Number((await world.rest('GET', '/v1/balance', OPERATOR_KEY)).json.available),
    transport: (path: string) =>
      new StreamableHTTPClientTransport(new URL(world.url + path), {
        requestInit: { headers: { authorization: `Bearer ${OPERATOR_KEY}` } },
      }),
  }
}

type SendOptions = {
  key?: string
  session?: string
  headers?: Record<string, string>
  signal?: AbortSignal
}
type ModernOptions = SendOptions & { capabilities?: Json }

/** What a POST brought, as JSON or as events. */
async function told(response: Response): Promise<Told> {
  const text = await response.text()
  const { status, headers } = response
  const type = headers.get('content-type') ?? ''
  if (type.includes('event-stream')) return { status, headers, messages: eventsIn(text), text }
  return { status, headers, messages: text.startsWith('{') ? [JSON.parse(text)] : [], text }
}

export function eventsIn(text: string): Json[] {
  const lines = text.split('\n').filter((line) => line.startsWith('data: {'))
  return lines.map((line) => JSON.parse(line.slice('data: '.length)))
}

/** The answer among what was told. */
export function answerIn({ messages, text }: Told): { result: Json; error: Json } {
  const answer = messages.find((message) => 'result' in message || 'error' in message)
  if (!answer) throw new Error(`no answer in ${text}`)
  return answer as { result: Json; error: Json }
}

/** Reads a stream as it comes. */
export async function eventsOf(
  url: string,
  headers: Record<string, string>,
  body?: string,
): Promise<{ status: number; text: () => string; ended: Promise<void>; close: () => void }> {
  const controller = new AbortController()
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: controller.signal,
    ...(body !== undefined && { method: 'POST', body }),
  })
  let text = ''
  const read = async () => {
    for await (const chunk of response.body!) text += Buffer.from(chunk).toString()
  }
  const ended = read().catch(() => {})
  return { status: response.status, text: () => text, ended, close: () => controller.abort() }
}

export function aClient(capabilities: Json = {}, era: 'auto' | 'legacy' = 'legacy'): Client {
  return new Client(
    { name: 'sdk', version: '1' },
    { capabilities, ...(era === 'auto' && { versionNegotiation: { mode: 'auto' } }) },
  )
}
