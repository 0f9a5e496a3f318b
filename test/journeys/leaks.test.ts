/**
 * A seller's secret against a server that echoes whatever it is sent, in every form: it shows in no
 * answer, receipt, refusal or log line, and in no file, not even after the gateway was killed.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { answerJson, type Json, type ScriptedUpstream, scriptedUpstream } from '../support/world.js'
import { build, emptyFolder, type GatewayProcess, startGateway } from './gateway-process.js'

const OPERATOR_KEY = 'operator-key-of-the-leak-test-0123456789'
/** With characters that look different in each encoding. */
const SECRET = 'sk/live+"0123456789&=~secret'
const CREDENTIALS: Json[] = [
  { type: 'header', name: 'x-api-key', value: SECRET },
  { type: 'bearer', token: SECRET },
  { type: 'basic', username: 'me', password: SECRET },
  { type: 'query', name: 'key', value: SECRET },
]

/** How the upstream shows it, beside the headers that it came in. */
const ECHOED = [
  SECRET,
  encodeURIComponent(SECRET),
  base64(SECRET),
  base64(SECRET).replaceAll('+', '-').replaceAll('/', '_'),
  base64(`me:${SECRET}`),
  base64(`Bearer ${SECRET}`),
]

/** What must show nowhere: the middle of the secret in each form, wherever in base64 it stands. */
const FORMS = [
  '"0123456789&',
  '\\"0123456789&',
  '%220123456789%26',
  ...[0, 1, 2].map((before) => base64(' '.repeat(before) + SECRET).slice(8, 28)),
]

let upstream: ScriptedUpstream
let gateway: GatewayProcess
const folder = emptyFolder()
/** Every answer of the gateway, headers included. */
const shown: string[] = []
const keys: string[] = []

beforeAll(async () => {
  await build()
  upstream = await scriptedUpstream()
  gateway = await startGateway(folder.path, {
    SOUK_OPERATOR_KEY: OPERATOR_KEY,
    SOUK_LOG_LEVEL: 'debug',
    SOUK_EGRESS_ALLOW: new URL(upstream.baseUrl).host,
  })
}, 120_000)

afterAll(async () => {
  gateway.kill('SIGKILL')
  await upstream.close()
  folder.remove()
})

function base64(text: string): string {
  return Buffer.from(text).toString('base64').replaceAll('=', '')
}

async function ask(method: string, path: string, key: string, body?: unknown) {
  const response = await fetch(gateway.url + path, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  shown.push(`${JSON.stringify([...response.headers])}\n${text}`)
  return { status: response.status, json: text.startsWith('{') ? (JSON.parse(text) as Json) : {} }
}

async function account(name: string): Promise<{ id: string; key: string }> {
  const opened = await fetch(`${gateway.url}/v1/accounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OPERATOR_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  })
  const { id, api_key } = (await opened.json()) as { id: string; api_key: string }
  keys.push(api_key)
  return { id, key: api_key }
}

async function listing(key: string, slug: string, credential: Json): Promise<string> {
  const endpoint = (method: string) => ({
    slug: method.toLowerCase(),
    title: 'Echo',
    description: 'Answers with what it is sent.',
    method,
    path: '/echo',
    input_schema: { type: 'object', properties: { q: { type: 'string' } } },
    example: { arguments: { q: 'x' } },
    price: { model: 'per_call', amount: '0.001' },
  })
  const created = await ask('POST', '/v1/listings', key, {
    slug,
    title: 'Echo',
    description: 'Answers with what it is sent.',
    category: 'search',
    backend: { type: 'http', base_url: upstream.baseUrl },
    credential,
    endpoints: [endpoint('GET'), endpoint('POST')],
  })
  expect(created.status, JSON.stringify(created.json)).toBe(201)
  return String(created.json.id)
}

type Script = (req: IncomingMessage, res: ServerResponse) => void

/** All that came in and the secret in each form, as body, in headers and packed. */
const echo =
  (status: number, type: string, isPacked = false): Script =>
  (req, res) => {
    const text = JSON.stringify({ url: req.url, headers: req.headers, forms: ECHOED })
    const body = Buffer.from(`${text.slice(0, -1)},"dump":"${base64(text)}"}`)
    res.writeHead(status, {
      'content-type': type,
      'x-request-id': SECRET,
      'x-api-key': SECRET,
      etag: `"${base64(SECRET)}"`,
      link: `<https://x.example/?k=${encodeURIComponent(SECRET)}>`,
      'retry-after': SECRET,
      'set-cookie': `k=${SECRET}`,
      'content-language': SECRET,
      ...(isPacked && { 'content-encoding': 'gzip' }),
    })
    res.end(isPacked ? gzipSync(body) : body)
  }

const SCRIPTS: Script[] = [
  echo(200, 'application/json'),
  echo(200, 'application/json', true),
  echo(200, 'text/plain'),
  echo(200, `application/${SECRET}`),
  echo(500, 'application/json'),
  echo(429, 'text/html'),
  answerJson(200, { [SECRET]: SECRET, list: ECHOED }),
  (_req, res) => void res.writeHead(302, { location: `https://x.example/${SECRET}` }).end(SECRET),
  (_req, res) => void res.writeHead(302, { location: `/${encodeURIComponent(SECRET)}` }).end(),
  (_req, res) => void res.writeHead(302, { location: `nonsense://${SECRET}` }).end(),
  (_req, res) => void res.socket!.end(`HTTP/1.1 200 ${SECRET}\r\n${SECRET}\r\n\r\n${SECRET}`),
  (_req, res) => void res.writeHead(200, { 'content-encoding': SECRET }).end(SECRET),
]

async function provoke(buyer: string, seller: string, listingId: string, slug: string) {
  for (const script of SCRIPTS) {
    upstream.answerWith(script)
    for (const method of ['get', 'post']) {
      const order = { endpoint_id: `${slug}.${method}`, arguments: { q: SECRET.slice(0, 3) } }
      const { json } = await ask('POST', '/v1/calls', buyer, order)
      await ask('GET', `/v1/calls/${json.call_id}`, buyer)
      await ask('GET', `/v1/calls/${json.call_id}/body`, buyer)
      await ask('GET', `/v1/receipts/${json.receipt_id}`, buyer)
      await ask('GET', `/v1/receipts/${json.receipt_id}`, seller)
      const params = { name: 'call_api', arguments: order }
      await ask('POST', '/mcp', buyer, { jsonrpc: '2.0', id: 1, method: 'tools/call', params })
    }
    await ask('POST', `/v1/listings/${listingId}/test`, seller, {})
  }
}

/** The claims of receipts are base64, where a secret would be at home unseen. */
function decoded(text: string): string {
  const tokens = text.match(/eyJ[\w-]+\.eyJ[\w-]+/g) ?? []
  return tokens.map((token) => Buffer.from(token.split('.')[1]!, 'base64url').toString()).join('\n')
}

function expectSilent(text: string, where: string): void {
  for (const form of FORMS) expect(text.includes(form), `${form} in ${where}`).toBe(false)
}

test('the secret of a seller shows in no answer, receipt, log line or file', async () => {
  const seller = await account('Seller')
  const buyer = await account('Buyer')
  const grant = { amount: '5', reason: 'test' }
  await ask('POST', `/v1/accounts/${buyer.id}/grants`, OPERATOR_KEY, grant)
  for (const [i, credential] of CREDENTIALS.entries()) {
    const id = await listing(seller.key, `echo-${i}`, credential)
    await ask('POST', `/v1/listings/${id}/publish`, seller.key)
    await provoke(buyer.key, seller.key, id, `echo-${i}`)
    await ask('GET', `/v1/listings/${id}`, seller.key)
    await ask('PATCH', `/v1/listings/${id}`, seller.key, { title: 'Other' })
    await ask('PUT', `/v1/listings/${id}/credential`, seller.key, credential)
    await ask('PUT', `/v1/listings/${id}/credential`, seller.key, { ...credential, no_field: 1 })
    await ask('GET', `/v1/endpoints/echo-${i}.get`, buyer.key)
  }
  for (const path of ['/v1/usage?limit=200', '/v1/endpoints?query=echo', '/v1/me', '/metrics']) {
    await ask('GET', path, buyer.key)
  }
  for (const key of [buyer.key, 'souk_test_mistyped', `${buyer.key}x`]) {
    keys.push(key)
    await ask('GET', '/v1/me', key)
    await ask('POST', '/v1/calls', key, { endpoint_id: key })
  }
  expect(shown.filter((text) => text.includes('"outcome":"charged"')).length).toBeGreaterThan(50)
  expect(shown.join('').match(/\[redacted\]/g)!.length).toBeGreaterThan(200)
  for (const text of shown) {
    expectSilent(text, text.slice(0, 400))
    expectSilent(decoded(text), 'a receipt')
  }

  // The log is written in batches, twice a second.
  await new Promise((resolve) => setTimeout(resolve, 700))
  gateway.kill('SIGKILL')
  const { stdout, stderr } = await gateway.ended
  expect(stderr).toContain('call ended')
  expectSilent(stdout + stderr, 'the log')
  const silentKeys = [...keys, OPERATOR_KEY]
  for (const key of silentKeys) expect((stdout + stderr).includes(key)).toBe(false)

  const files = readdirSync(join(folder.path, 'data'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  expect(files.some((file) => file.endsWith('-wal'))).toBe(true)
  for (const file of files) {
    const text = readFileSync(file, 'latin1')
    expectSilent(text, file)
    for (const key of keys.slice(0, 2)) expect(text.includes(key), file).toBe(false)
  }
}, 120_000)
