/**
 * The server behind a public https address, as operators run it, with documents of clients that need
 * no network. Flows over HTTP are in `test/journeys/oauth.journey.test.ts`.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Accounts, createAccounts } from '#accounts'
import { systemClock } from '#core/clock'
import { Problem } from '#core/problem'
import { createPeople } from '#people'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { createOAuth, type OAuth } from './oauth.js'

const PUBLIC_URL = 'https://souk.example'
const CLIENT_ID = 'https://agent.example/client.json'
const DAY_MS = 24 * 60 * 60_000
const CHALLENGE = 'a'.repeat(43)

let opened: OpenedStore
let accounts: Accounts
let oauth: OAuth
let server: Server
let site: string
/** Documents by their addresses. */
const documents = new Map<string, unknown>()
const asked: string[] = []
let laterMs = 0

beforeAll(async () => {
  opened = await aStore()
  const { store } = opened
  const clock = { now: () => systemClock.now() + laterMs }
  accounts = createAccounts({ store, clock, keyEnvironment: 'test' })
  oauth = createOAuth({
    ...{ store, clock, accounts, publicUrl: PUBLIC_URL },
    people: createPeople({ store, clock, publicUrl: PUBLIC_URL }),
    vault: { deriveKey: (purpose) => Buffer.alloc(32, purpose) },
    sealer: {
      seal: (_owner, plain) => Buffer.from(plain),
      open: (_owner, sealed) => Buffer.from(sealed),
    },
    errorPage: (text) => ({ body: text, headers: { 'content-type': 'text/html' } }),
    failed: (error) => {
      throw error
    },
    async fetchDocument(url, { staysHere }) {
      // A host that redirects anywhere would let anybody speak in its name.
      expect(staysHere).toBe(true)
      asked.push(url)
      const document = documents.get(url)
      if (!document) throw new Problem('invalid_request', 'It cannot be read.')
      return Buffer.from(JSON.stringify(document))
    },
  })
  server = createServer((req, res) => {
    const uid = /^\/oauth\/consent\/(.+)$/.exec(req.url!)?.[1]
    if (uid === undefined) void oauth.handle(req, res)
    else void oauth.asked(req, res, uid).then((consent) => res.end(JSON.stringify(consent)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve))
  await opened.close()
})

function authorize(clientId: string, redirectUri: string): Promise<Response> {
  const params = { client_id: clientId, redirect_uri: redirectUri, response_type: 'code' }
  const pkce = { code_challenge: CHALLENGE, code_challenge_method: 'S256' }
  const query = new URLSearchParams({ ...params, ...pkce })
  return fetch(`${site}/oauth/authorize?${query}`, { redirect: 'manual' })
}

async function register(metadata: object = {}): Promise<{ client_id: string }> {
  const response = await fetch(`${site}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      redirect_uris: ['https://agent.example/cb'],
      token_endpoint_auth_method: 'none',
      ...metadata,
    }),
  })
  expect(response.status).toBe(201)
  return (await response.json()) as { client_id: string }
}

describe('a client that is known by a document', () => {
  const document = {
    client_id: CLIENT_ID,
    client_name: 'Agent',
    redirect_uris: ['https://agent.example/cb', 'http://127.0.0.1/cb'],
    token_endpoint_auth_method: 'none',
  }

  test('is asked about, and its document fetched once', async () => {
    documents.set(CLIENT_ID, document)
    for (const uri of ['https://agent.example/cb', 'http://127.0.0.1:5123/cb']) {
      const answer = await authorize(CLIENT_ID, uri)
      expect(answer.headers.get('location')).toMatch(/^\/oauth\/consent\//)
    }
    expect(asked.filter((url) => url === CLIENT_ID)).toHaveLength(1)
    expect((await authorize(CLIENT_ID, 'https://agent.example/other')).status).toBe(400)
  })

  test('is still known to a person who thinks for a while', async () => {
    documents.set(CLIENT_ID, document)
    const answer = await authorize(CLIENT_ID, 'https://agent.example/cb')
    const cookie = answer.headers.getSetCookie().map((line) => line.split(';', 1)[0])
    const before = asked.length
    vi.useFakeTimers({ toFake: ['Date'], now: systemClock.now() + 20 * 60_000 })
    try {
      const page = await fetch(site + answer.headers.get('location'), {
        headers: { cookie: cookie.join('; ') },
      })
      expect(await page.json()).toMatchObject({
        clientName: 'Agent',
        provenHost: 'agent.example',
        resource: `${PUBLIC_URL}/mcp`,
        scopes: ['call', 'read'],
      })
    } finally {
      vi.useRealTimers()
    }
    expect(asked.length).toBe(before + 1)
  })

  const bad: [string, object][] = [
    ['names another client', { client_id: 'https://other.example/client.json' }],
    ['holds a secret', { client_secret: 'x' }],
    ['wants a secret', { token_endpoint_auth_method: 'client_secret_basic' }],
    ['sends people to http elsewhere', { redirect_uris: ['http://agent.example/cb'] }],
    ['points on to keys', { jwks_uri: 'https://agent.example/keys' }],
    ['is no object', []],
  ]
  test.each(bad)('is refused where the document %s', async (what, change) => {
    const id = `https://agent.example/${encodeURIComponent(what)}.json`
    documents.set(id, Array.isArray(change) ? change : { ...document, client_id: id, ...change })
    const answer = await authorize(id, 'https://agent.example/cb')
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
    expect(asked.filter((url) => !url.endsWith('.json'))).toEqual([])
  })

  test('is refused where there is none, or its address is not https', async () => {
    expect((await authorize('https://gone.example/c.json', 'https://a.example/cb')).status).toBe(
      400,
    )
    const before = asked.length
    expect((await authorize('http://agent.example/c.json', 'https://a.example/cb')).status).toBe(
      400,
    )
    expect(asked.length).toBe(before)
  })
})

test('a client that nobody let in is forgotten after a day', async () => {
  const { client_id } = await register()
  expect((await authorize(client_id, 'https://agent.example/cb')).status).toBe(303)
  laterMs = DAY_MS
  try {
    expect((await authorize(client_id, 'https://agent.example/cb')).status).toBe(400)
    await oauth.purge()
    expect(await opened.store.db('oauth_payloads').where({ kind: 'Client' })).toEqual([])
  } finally {
    laterMs = 0
  }
})

test('cookies of an https address go over https only, and are signed', async () => {
  const { client_id } = await register()
  const answer = await authorize(client_id, 'https://agent.example/cb')
  const cookies = answer.headers.getSetCookie()
  expect(cookies).toHaveLength(4)
  for (const cookie of cookies) {
    expect(cookie).toMatch(/^__(Secure|Host)-souk_\w+(\.sig)?=/)
    expect(cookie).toMatch(/; secure/i)
    expect(cookie).toMatch(/; httponly/i)
    expect(cookie).toMatch(/; samesite=lax/i)
  }
})

test('Host and X-Forwarded headers change nothing that is said of the server', async () => {
  const metadata = await fetch(`${site}/.well-known/oauth-authorization-server`, {
    headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' },
  })
  expect(metadata.status).toBe(200)
  const { issuer, token_endpoint } = (await metadata.json()) as Record<string, string>
  expect([issuer, token_endpoint]).toEqual([PUBLIC_URL, `${PUBLIC_URL}/oauth/token`])
})

test('addresses are answered in one spelling, so that none goes past what is counted', () => {
  for (const path of ['/oauth/register', '/oauth/authorize', '/oauth/authorize/abc_-1']) {
    expect(oauth.owns(path)).toBe(true)
  }
  const others = ['/oauth/REGISTER', '/oauth/register/', '/oauth//register', '/oauth/./register']
  const pages = [
    '/oauth/authorize/',
    '/oauth/Authorize',
    '/oauth/authorize/a/b',
    '/oauth/consent/a',
  ]
  for (const path of [...others, ...pages]) expect([path, oauth.owns(path)]).toEqual([path, false])
})

test('somebody who begins to let programs in without end is told to wait', async () => {
  const query = 'client_id=none&response_type=code'
  const headers = { 'x-forwarded-for': '203.0.113.10' }
  let last: Response | undefined
  for (let i = 0; i <= 600; i++) last = await fetch(`${site}/oauth/authorize?${query}`, { headers })
  expect([last!.status, last!.headers.get('content-type')]).toEqual([429, 'text/html'])
  expect(await last!.text()).toContain('too many')
})

test('somebody who registers without end is told to wait', async () => {
  const statuses = new Set<number>()
  for (let i = 0; i < 70 && !statuses.has(429); i++) {
    const response = await fetch(`${site}/oauth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.9' },
      body: JSON.stringify({ redirect_uris: ['https://agent.example/cb'] }),
    })
    statuses.add(response.status)
    if (response.status === 429)
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
  }
  expect([...statuses]).toEqual([201, 429])
})
