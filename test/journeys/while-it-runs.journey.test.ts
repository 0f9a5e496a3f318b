/** What passes between client and server while a call runs: progress one way, taking back the other. */
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernHttp,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { said, type ToolRun } from '../support/an-mcp-server.js'
import { type AnOperator, anOperator } from '../support/an-operator.js'

let operator: AnOperator
let endpointId: string
let gateway: string

beforeAll(async () => {
  operator = await anOperator()
  const default_price = { model: 'per_call', amount: '0.001' }
  const { id } = await operator.register({ default_price })
  const [tool] = (await operator.toolsOf(id)).tools
  endpointId = tool!.endpoint_id as string
  const composed = await operator.world.rest('POST', '/v1/gateways', operator.buyer.key, {
    ...{ name: 'Mine', type: 'mcp', endpoint: 'mine' },
    configuration: { tools: [{ endpoint_id: endpointId, name: 'echo' }] },
  })
  expect(composed.status, composed.text).toBe(201)
  gateway = new URL(composed.json.url as string).pathname
})
beforeEach(() => operator.calm())
afterAll(() => operator.close())

type Asking = { onprogress?(progress: { progress: number }): void; signal?: AbortSignal }
type Asked = { name: string; arguments: Record<string, unknown> }
type AnyClient = {
  callTool(call: Asked, options: Asking): Promise<unknown>
  close(): Promise<void>
}
type Connect = (path: string) => Promise<AnyClient>

/** A client of the 1.x SDK, which takes a schema before the options. */
function ofOldSdk(client: Client): AnyClient {
  return {
    callTool: (call, options) => client.callTool(call, undefined, options),
    close: () => client.close(),
  }
}

const requestInit = () => ({ headers: { authorization: `Bearer ${operator.buyer.key}` } })
const urlOf = (path: string) => new URL(operator.world.url + path)

const older: Connect = async (path) => {
  const client = new Client({ name: 'old', version: '1' })
  const options = { requestInit: requestInit() }
  await client.connect(new StreamableHTTPClientTransport(urlOf(path), options))
  return ofOldSdk(client)
}

const oldest: Connect = async (path) => {
  const client = new Client({ name: 'oldest', version: '1' })
  const withKey: typeof fetch = (url, init) => fetch(url, { ...init, ...requestInit() })
  const options = { requestInit: requestInit(), eventSourceInit: { fetch: withKey } }
  await client.connect(new SSEClientTransport(urlOf(`${path}/sse`), options as never))
  return ofOldSdk(client)
}

const modern: Connect = async (path) => {
  const client = new ModernClient(
    { name: 'new', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(new ModernHttp(urlOf(path), { requestInit: requestInit() }))
  return client as AnyClient
}

const clients: [string, Connect][] = [
  ['2025-11-25', older],
  ['the SSE transport', oldest],
  ['2026-07-28', modern],
]

/** The same call, as the marketplace and a gateway take it. */
const ways: [string, () => string, () => Asked][] = [
  [
    'the marketplace',
    () => '/mcp',
    () => ({
      name: 'call_api',
      arguments: { endpoint_id: endpointId, arguments: { text: 'tea' } },
    }),
  ],
  ['a gateway', () => gateway, () => ({ name: 'echo', arguments: { text: 'tea' } })],
]

const lastCall = async () => {
  const { json } = await operator.world.rest('GET', '/v1/usage?limit=1', operator.buyer.key)
  return (json.calls as { outcome: string; total: string }[])[0]
}

describe.each(clients)('a client of %s', (_era, connect) => {
  test.each(ways)('is told of progress through %s', async (_way, path, call) => {
    operator.runWith(async (running: ToolRun) => {
      for (const step of [1, 2, 3]) running.progress(step)
      // Progress may be held back for a moment, so that it is no flood.
      await new Promise((resolve) => setTimeout(resolve, 200))
      return said('done')
    })
    const client = await connect(path())
    const steps: number[] = []
    const onprogress = ({ progress }: { progress: number }) => void steps.push(progress)
    const result = await client.callTool(call(), { onprogress })
    expect(JSON.stringify(result)).toContain('done')
    expect(steps.length).toBeGreaterThan(0)
    expect(steps).toEqual([...steps].sort())
    await client.close()
  })

  test.each(ways)('takes a call back through %s, and pays nothing', async (_way, path, call) => {
    const started = later<void>()
    const cancelled = later<string>()
    operator.runWith(async (running: ToolRun) => {
      started.resolve()
      cancelled.resolve(await running.cancelled)
      return said('too late')
    })
    const client = await connect(path())
    const taking = new AbortController()
    const given = client.callTool(call(), { signal: taking.signal })
    given.catch(() => {})
    await started.promise
    taking.abort('enough')
    await expect(given).rejects.toThrow()
    await cancelled.promise
    await expect.poll(lastCall).toMatchObject({ outcome: 'refunded', total: '0' })
    await client.close()
  })
})

function later<T>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
