/**
 * A seller in 90 lines: an API of its own, an account, a listing, a test and the publication.
 *
 * The gateway reaches private addresses only where its operator allows it, so start it with
 *   SOUK_EGRESS_ALLOW=127.0.0.1:9001 npm start
 * and then, with the operator's key (printed on the first start, kept in data/operator.key):
 *   OPERATOR_KEY=<key> npx tsx examples/seller.ts
 *
 * It sells until Ctrl-C, then shows what it earned and retires the listing.
 */
import { createServer } from 'node:http'

type Json = Record<string, unknown>

const url = process.env.SOUK_URL ?? 'http://127.0.0.1:8402'
const operatorKey = process.env.OPERATOR_KEY
if (operatorKey === undefined) {
  console.error('Set OPERATOR_KEY; see data/operator.key.')
  process.exit(2)
}

// 1. The API that is sold. Buyers never see its key: the gateway puts it in.
const apiKey = crypto.randomUUID()
const api = createServer((req, res) => {
  const text = new URL(req.url ?? '/', 'http://api').searchParams.get('text') ?? ''
  const isAllowed = req.headers['x-api-key'] === apiKey
  const answer = isAllowed ? { reversed: [...text].reverse().join('') } : { error: 'no key' }
  res.writeHead(isAllowed ? 200 : 401, { 'content-type': 'application/json' })
  res.end(JSON.stringify(answer))
})
await new Promise<void>((resolve) => api.listen(9001, '127.0.0.1', resolve))

// 2. An account. Its first key has all scopes.
const account = await ask('POST', '/v1/accounts', operatorKey, { name: 'Example seller' })
const key = account.api_key as string
console.log(`Account ${account.id} (${account.slug})`)

// 3. A listing, as a draft. Slugs are unique in the gateway.
const listing = await ask('POST', '/v1/listings', key, {
  slug: `reverse-${crypto.randomUUID().slice(0, 8)}`,
  title: 'Text reverser',
  description: 'Reverses a text, character by character.',
  category: 'language',
  backend: { type: 'http', base_url: 'http://127.0.0.1:9001' },
  credential: { type: 'header', name: 'x-api-key', value: apiKey },
  limits: { per_second: 50 },
  endpoints: [
    {
      slug: 'reverse',
      title: 'Reverse a text',
      description: 'Gives the text backwards.',
      method: 'GET',
      path: '/reverse',
      input_schema: {
        type: 'object',
        required: ['text'],
        properties: { text: { type: 'string', maxLength: 1000 } },
      },
      example: { arguments: { text: 'souk' } },
      price: { model: 'per_call', amount: '0.001' },
      success: { status: '2xx', must_exist: '/reversed' },
    },
  ],
})
const [endpoint] = listing.endpoints as { endpoint_id: string }[]
console.log(`Draft ${listing.id}: ${endpoint?.endpoint_id}`)

// 4. A real call, before anybody pays for one.
const tested = await ask('POST', `/v1/listings/${listing.id}/test`, key, {})
console.log('Test:', JSON.stringify(tested.results))

// 5. On sale: browse_apis finds it from now on.
await ask('POST', `/v1/listings/${listing.id}/publish`, key)
console.log(`On sale. Buy it:
  SOUK_KEY=<key> npx tsx examples/agent.ts "reverse a text" '{"text":"hello"}'
Ctrl-C ends the sale.`)

await new Promise((resolve) => process.once('SIGINT', resolve))
console.log('\nEarned:', JSON.stringify(await ask('GET', '/v1/earnings', key)))
await ask('DELETE', `/v1/listings/${listing.id}`, key)
api.close()
api.closeAllConnections()

async function ask(method: string, path: string, bearer: string, body?: Json): Promise<Json> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? {} : JSON.parse(text)
}
