/**
 * An agent in 60 lines: finds an API call, reads what it takes, and buys it with a cap.
 *
 *   SOUK_KEY=<key> npx tsx examples/agent.ts "convert miles to kilometres" '{"value":"100","from":"mi","to":"km"}'
 *
 * Without arguments it buys the example of the best match.
 */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

type Result = Record<string, unknown>

const url = process.env.SOUK_URL ?? 'http://127.0.0.1:8402'
const key = process.env.SOUK_KEY
const [need = 'convert miles to kilometres', given] = process.argv.slice(2)

if (key === undefined) {
  console.error('Set SOUK_KEY. In the sandbox it is "buyer" in data/sandbox-keys.json.')
  process.exit(2)
}

const client = new Client(
  { name: 'example-agent', version: '1.0.0' },
  { versionNegotiation: { mode: 'auto' } },
)
await client.connect(
  new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
  }),
)

const found = await use('browse_apis', { query: need, limit: 3 })
const [best] = found.results as { endpoint_id: string; title: string; price: Result }[]
if (!best) throw new Error(`Nobody sells "${need}".`)
console.log(`Best match: ${best.endpoint_id}, ${best.title}, at most ${best.price.max_total} USDC`)

const described = await use('describe_endpoint', { endpoint_id: best.endpoint_id })
const example = described.example as { arguments: Result } | undefined
const args = given === undefined ? (example?.arguments ?? {}) : JSON.parse(given)
console.log('Arguments: ', JSON.stringify(args))

const bought = await use('call_api', {
  endpoint_id: best.endpoint_id,
  version: described.version,
  arguments: args,
  max_price: '0.02',
  idempotency_key: crypto.randomUUID(),
})
console.log('Body:      ', JSON.stringify(bought.body))
console.log('Charge:    ', JSON.stringify(bought.charge), 'balance', bought.balance)
console.log('Receipt:   ', bought.receipt)
await client.close()

/** A refusal is a result, too: it says in `action` what to do next. */
async function use(name: string, toolArguments: Result): Promise<Result> {
  const { isError, structuredContent } = await client.callTool({ name, arguments: toolArguments })
  const result = structuredContent as Result
  if (isError) throw new Error(`${name}: ${result.code}: ${result.message} ${result.action}`)
  return result
}
