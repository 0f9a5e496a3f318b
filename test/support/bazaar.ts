/**
 * A market for tests of refusals: a seller, a buyer and a stranger, and the seven things that both
 * faces can do, asked alike. What a refusal must leave as it was is read here, too.
 */
import { request } from 'node:http'
import { answerJson, aWorld, type Json, type ListingChanges, type World } from './world.js'

export type Tool =
  | 'browse_apis'
  | 'describe_endpoint'
  | 'get_pricing'
  | 'check_balance'
  | 'call_api'
  | 'get_usage'
  | 'rate_seller'

export type Refused = { status: number; headers: Record<string, unknown>; json: Json }

/** One way into the gateway. */
export type Face = {
  /** @param key absent for nobody. */
  ask(key: string | undefined, tool: Tool, args: Json): Promise<Refused>
  /** The bytes of a message that buys `order`, which need not be JSON. */
  envelope(order: string): string
  post(
    key: string | undefined,
    bytes: string | Buffer | Buffer[],
    headers?: Record<string, string>,
  ): Promise<Refused>
}

export type Bazaar = Awaited<ReturnType<typeof aBazaar>>

export const PLAIN_ARGUMENTS = { space: 'main', q: 'tea' }

/** What the listed endpoint takes: one argument of each kind, and one whose pattern is hostile. */
const INPUT_SCHEMA = {
  type: 'object',
  required: ['space', 'q'],
  properties: {
    space: { type: 'string', 'x-in': 'path' },
    q: { type: 'string', maxLength: 100_000, 'x-in': 'query' },
    lang: { type: 'string', 'x-in': 'header' },
    page: { type: 'integer', minimum: 1 },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 30 },
    word: { type: 'string', pattern: '^(a+)+$' },
  },
}

export async function aBazaar(settings: Record<string, string> = {}) {
  const world = await aWorld(settings)
  const seller = await world.account('Seller')
  const buyer = await world.account('Buyer', '1')
  const stranger = await world.account('Stranger', '1')
  const sell = async (endpoint: Json = {}, listing: Json = {}) => {
    const changes: ListingChanges = {
      endpoint: { input_schema: INPUT_SCHEMA, ...endpoint },
      listing,
    }
    return world.listing(seller, changes)
  }
  const wiki = await sell()
  const ask = async (method: string, path: string, key: string, body?: unknown) => {
    const { status, json, text } = await world.rest(method, path, key, body)
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`)
    return json
  }
  return {
    world,
    seller,
    buyer,
    stranger,
    wiki,
    sell,
    /** An order that would be charged. */
    order: (changes: Json = {}): Json => ({
      endpoint_id: wiki.endpointId,
      arguments: PLAIN_ARGUMENTS,
      ...changes,
    }),
    buy: (key: string, order: Json) => ask('POST', '/v1/calls', key, order),
    quote: async (key: string, order: Json): Promise<string> => {
      const { quote } = await ask('POST', '/v1/quotes', key, order)
      return (quote as { quote_id: string }).quote_id
    },
    /** A key below that of `of`, with all scopes unless told otherwise. */
    key: async (of: { key: string }, terms: Json = {}) => {
      const all = { name: 'test', scopes: ['call', 'sell', 'read', 'manage'] }
      const { id, api_key } = await ask('POST', '/v1/keys', of.key, { ...all, ...terms })
      return { id: id as string, key: api_key as string }
    },
    /** Starts calls that the upstream does not answer before `release`; all have arrived there. */
    keepBusy: (orders: { key: string; order: Json }[]) => keepBusy(world, orders),
    /** Lets the upstream answer as a good one does. */
    calm: () => world.upstream.answerWith(answerJson(200, { ok: true })),
    state: () => stateOf(world),
    /** How many calls and receipts were written down. */
    written: () => writtenIn(world),
  }
}

/** All money, summed from the postings, and all open holds: what a refusal must not change. */
async function stateOf(world: World) {
  const { store } = world.started.gateway.deps
  const balances = await store.query<{ address: string; balance: bigint }>(SUMS, [])
  const [holds] = await store.query<{ open: bigint }>(
    'select count(*) as open from ledger_holds',
    [],
  )
  return { balances: balances.filter(({ balance }) => balance !== 0n), openHolds: holds!.open }
}

const SUMS = `
  select address, cast(sum(moved) as bigint) as balance from (
    select to_id as id, amount as moved from ledger_postings
    union all select from_id, -amount from ledger_postings
  ) as moves join ledger_accounts on ledger_accounts.id = moves.id
  group by address order by address`

async function writtenIn(world: World) {
  const { store } = world.started.gateway.deps
  const count = async (table: string) => Number((await store.db(table).count({ n: '*' }))[0]!.n)
  return { calls: await count('calls'), receipts: await count('receipts') }
}

async function keepBusy(world: World, orders: { key: string; order: Json }[]) {
  const { upstream } = world
  const waiting: (() => void)[] = []
  await new Promise<void>((resolve) => {
    upstream.answerWith((req, res) => {
      waiting.push(() => answerJson(200, {})(req, res))
      if (waiting.length === orders.length) resolve()
    })
    for (const { key, order } of orders) void world.rest('POST', '/v1/calls', key, order)
  })
  return async () => {
    for (const answer of waiting) answer()
    const { slots } = world.started.gateway.deps
    while (slots.inFlight() > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A call may take a lane of its own, or the long way, on which it must be answered the same. */
export type Lane = 'short' | 'long'

/** @param lane `long` spells the address so that express serves it. */
export function restFace(world: World, lane: Lane = 'short'): Face {
  const calls = lane === 'short' ? '/v1/calls' : '/v1/calls?'
  return {
    envelope: (order) => order,
    post: (key, bytes, headers) => postBytes(world.url + calls, key, bytes, headers),
    async ask(key, tool, args) {
      const [method, address, body] = restRequest(tool, args)
      const path = address === '/v1/calls' ? calls : address
      const { status, headers, json } = await world.rest(method, path, key, body)
      return { status, headers: Object.fromEntries(headers), json }
    },
  }
}

/**
 * @param era `modern` for the stateless requests of 2026-07-28, each with its own envelope.
 * @param lane `long` adds a parameter that only the SDK can judge, which ignores it.
 */
export function mcpFace(world: World, era: 'bare' | 'modern' = 'bare', lane: Lane = 'short'): Face {
  const unknown = lane === 'long' ? ',"unknownToSouk":true' : ''
  const meta = (era === 'modern' ? `,"_meta":${JSON.stringify(MODERN_META)}` : '') + unknown
  const callOf = (tool: Tool, args: string) =>
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":${args}${meta}}}`
  const postCall = async (
    tool: Tool,
    key: string | undefined,
    bytes: string | Buffer | Buffer[],
    headers: Record<string, string> = {},
  ): Promise<Refused> => {
    const { json, ...rest } = await postBytes(`${world.url}/mcp`, key, bytes, {
      accept: 'application/json, text/event-stream',
      ...(era === 'modern' && { ...MODERN_HEADERS, 'mcp-name': tool }),
      ...headers,
    })
    return { ...rest, json: json.jsonrpc === '2.0' ? resultIn(json) : json }
  }
  return {
    envelope: (order) => callOf('call_api', order),
    post: (key, bytes, headers) => postCall('call_api', key, bytes, headers),
    ask: (key, tool, args) => postCall(tool, key, callOf(tool, JSON.stringify(args))),
  }
}

const MODERN_HEADERS = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' }
const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** The structured content of a result, or the data of a protocol error; `isError` beside. */
function resultIn({ result, error }: Json): Json {
  if (error) {
    const { data, ...rpc } = error as { data?: Json }
    return { ...data, isError: true, rpc }
  }
  const { structuredContent, content, isError } = result as {
    structuredContent: Json
    content: { text: string }[]
    isError?: boolean
  }
  const isSame = JSON.stringify(structuredContent) === content[0]!.text
  return { ...structuredContent, isError, isSame }
}

/** The REST request that asks for the same as a tool does. */
function restRequest(tool: Tool, args: Json): [string, string, Json?] {
  const { endpoint_id, ...rest } = args
  const queryOf = (fields: Json) => new URLSearchParams(fields as Record<string, string>)
  switch (tool) {
    case 'browse_apis':
      return ['GET', `/v1/endpoints?${queryOf(args)}`]
    case 'describe_endpoint':
      return ['GET', `/v1/endpoints/${encodeURIComponent(String(endpoint_id))}?${queryOf(rest)}`]
    case 'get_pricing':
      return ['POST', '/v1/quotes', args]
    case 'check_balance':
      return ['GET', '/v1/balance']
    case 'call_api':
      return ['POST', '/v1/calls', args]
    case 'get_usage':
      return ['GET', `/v1/usage?${queryOf(args)}`]
    case 'rate_seller':
      return ['POST', '/v1/ratings', args]
  }
}

/** A POST of exactly these bytes; those of an array go in chunks, without a Content-Length. */
function postBytes(
  url: string,
  key: string | undefined,
  bytes: string | Buffer | Buffer[],
  headers: Record<string, string> = {},
): Promise<Refused> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...headers,
      },
    })
    sent.on('error', reject)
    sent.on('response', async (response) => {
      const parts: Buffer[] = []
      for await (const part of response) parts.push(part as Buffer)
      const text = Buffer.concat(parts).toString()
      const json = text.startsWith('{') ? JSON.parse(text) : {}
      resolve({ status: response.statusCode!, headers: response.headers, json })
    })
    if (Array.isArray(bytes)) for (const part of bytes) sent.write(part)
    else sent.setHeader('content-length', Buffer.byteLength(bytes)).write(bytes)
    sent.end()
  })
}
