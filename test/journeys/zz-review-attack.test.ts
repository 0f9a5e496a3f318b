import { request } from 'node:http'
import { connect as tcp } from 'node:net'
import { afterAll, beforeAll, test } from 'vitest'
import { WebSocket } from 'ws'
import { aBrowser } from '../support/a-browser.js'
import { anOAuthClient, aPerson, clientNamed, connect, PASSWORD, REDIRECT, register, signIn } from '../support/an-oauth-client.js'
import { aWorld, type Party, type World } from '../support/world.js'

let world: World
let acme: Party
const log = (...a: unknown[]) => process.stderr.write(`${a.map((x) => typeof x === 'string' ? x : JSON.stringify(x)).join(' ')}\n`)
beforeAll(async () => {
  world = await aWorld({ SOUK_SIGNUP: 'open' })
  acme = await world.account('Acme', '1')
  await aPerson(world, acme.key, 'acme@example.com')
  const failed = world.started.gateway.deps.telemetry.failed
  Object.assign(world.started.gateway.deps.telemetry, { failed: (e: unknown) => { log('!!FAILED', String((e as Error)?.stack ?? e).slice(0, 600)); return failed(e) } })
})
afterAll(() => world.close())

function raw(text: string, ms = 1500): Promise<string> {
  return new Promise((resolve) => {
    const u = new URL(world.url)
    const s = tcp(Number(u.port), u.hostname)
    let got = ''
    s.on('data', (d) => (got += d))
    s.on('close', () => resolve(got))
    s.on('error', () => resolve(got))
    s.write(text)
    setTimeout(() => { s.destroy(); resolve(got) }, ms)
  })
}
const first = (t: string) => t.split('\r\n')[0]

test('raw', async () => {
  const u = new URL(world.url)
  log('nohost', first(await raw('GET /sign-in HTTP/1.1\r\n\r\n')))
  log('twohosts', first(await raw(`GET /sign-in HTTP/1.1\r\nHost: ${u.host}\r\nHost: evil\r\n\r\n`)))
  log('abs', first(await raw(`GET http://evil.example/sign-in HTTP/1.1\r\nHost: ${u.host}\r\n\r\n`)))
  log('absmcp', first(await raw(`POST http://evil.example/mcp HTTP/1.1\r\nHost: ${u.host}\r\nContent-Length: 0\r\n\r\n`)))
  log('dslash', first(await raw(`GET //evil.example/sign-in HTTP/1.1\r\nHost: ${u.host}\r\n\r\n`)))
  log('oauth abs', first(await raw(`GET /oauth/authorize/..//x HTTP/1.1\r\nHost: ${u.host}\r\n\r\n`)))
  for (const p of ['/oauth/%', '/oauth/authorize/%ff', '/oauth//', '/.well-known/oauth-authorization-server/mcp/%ff', '/oauth/authorize?resource=%ff&client_id=%00', '/sign-in?next=%ff', '/oauth/consent/%00', '/mcp/%ff/x', '/mcp//ws', '/mcp/a/b/c/d'])
    log(p, first(await raw(`GET ${p} HTTP/1.1\r\nHost: ${u.host}\r\nConnection: close\r\n\r\n`)))
  for (const o of ['null', 'http://localhost:1', `http://${u.hostname}:1`, 'http://evil.example', 'chrome-extension://abc'])
    log('origin', o, first(await raw(`POST /mcp HTTP/1.1\r\nHost: ${u.host}\r\nOrigin: ${o}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`)))
  log('upg', first(await raw(`GET /mcp/ws HTTP/1.1\r\nHost: ${u.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://evil\r\n\r\n`)))
  log('upg-h2c', first(await raw(`GET /v1/me HTTP/1.1\r\nHost: ${u.host}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nAuthorization: Bearer ${acme.key}\r\n\r\n`)))
  log('upg nokey-ws', first(await raw(`GET /mcp/ws HTTP/1.1\r\nHost: ${u.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer ${acme.key}\r\nSec-WebSocket-Protocol: mcp\r\n\r\n`)))
})

test('throttle', async () => {
  const b = aBrowser(world.url)
  const page = await b.open('/sign-in')
  const csrf = /name="csrf" value="([^"]*)"/.exec(page.text)![1]!
  const codes: number[] = []
  for (let i = 0; i < 13; i++) {
    const r = await b.post('/sign-in', new URLSearchParams({ csrf, email: 'x@example.com', password: 'wrong password' }), { 'x-forwarded-for': `10.0.0.${i}` })
    codes.push(r.status)
  }
  log('throttle per email', codes)
  for (const [n, f] of [['arr', [['email', 'a'], ['email', 'b'], ['csrf', csrf]]], ['proto', [['__proto__', 'x'], ['csrf', csrf]]], ['long', [['csrf', csrf], ['email', 'a'.repeat(100000)], ['password', 'p'.repeat(500000)]]]] as const)
    log(n, (await b.post('/sign-in', new URLSearchParams(f as never), { 'x-forwarded-for': '10.1.1.1' })).status)
  log('chal', (await b.post('/sign-in/wallet/challenge', new URLSearchParams({ csrf, address: '0x', chain: 'x' }))).status)
  log('wallet', (await b.post('/sign-in/wallet', new URLSearchParams({ csrf, message: 'x'.repeat(300000), signature: '0x' }))).status)
  const t = performance.now()
  log('siwe redos', (await b.post('/sign-in/wallet', new URLSearchParams({ csrf, message: `souk wants you to sign in with your Ethereum account:\n0x${'a'.repeat(40)}\n\n${'\n'.repeat(100000)}URI: ${'- '.repeat(50000)}`, signature: '0x' }))).status, performance.now() - t)
})

test('oauth odd', async () => {
  const client = await anOAuthClient(world)
  const b = aBrowser(world.url)
  const odd: Record<string, string | undefined>[] = [
    { response_mode: 'form_post' }, { response_mode: 'fragment' }, { prompt: 'none' }, { prompt: 'login' }, { prompt: 'create' }, { request: 'x.y.z' }, { request_uri: 'https://evil' }, { registration: '{}' }, { claims: '{"x":1}' }, { claims: 'x' },
    { max_age: '-1' }, { id_token_hint: 'abc' }, { login_hint: '<script>' }, { response_type: 'token' }, { response_type: 'code id_token' }, { code_challenge_method: 'plain' }, { code_challenge: 'x' }, { scope: 'call\nmanage' }, { scope: 'x"><script>' }, { state: 'x'.repeat(20000) }, { redirect_uri: `${REDIRECT}?x` }, { redirect_uri: undefined }, { client_id: "x' or 1=1--" }, { client_id: 'https://a.b/%2e%2e/c' }, { client_id: '\u0000' }, { authorization_details: '[]' }, { dpop_jkt: 'x' }, { ui_locales: '\u0000' }, { acr_values: 'x' },
    { resource: `${world.url}/mcp/` }, { resource: `${world.url}/MCP` }, { resource: `${world.url}/mcp?x` }, { resource: `${world.url}/mcp#x` }, { resource: `${world.url}/mcp/../v1` }, { resource: `${world.url}/mcp/%2e%2e/v1` }, { resource: `${world.url}:80/mcp` }, { resource: `${world.url}/mcp/a/b` }, { resource: `${world.url}/mcp/a/..` }, { resource: `${world.url}/mcp/a/sse` }, { resource: `${world.url}/mcp\n` }, { resource: `${world.url}@evil/mcp` }, { resource: '' }, { resource: 'mcp' },
  ]
  for (const o of odd) {
    const p = await b.open(client.authorizeUrl(o))
    log(JSON.stringify(o).slice(0, 80), p.status, p.hasLeft ? p.url.search.slice(0, 120) : p.url.pathname.slice(0, 14), p.text.includes('<script') ? '!!SCRIPT' : '')
  }
  const dcr = [{ client_name: { toString: null } }, { client_name: 'x'.repeat(60000) }, { redirect_uris: [{ toString: null }] }, { redirect_uris: ['javascript:alert(1)//'] }, { scope: 'call' }, { grant_types: ['client_credentials'] }, { grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'authorization_code'] }, { response_types: ['token'] }, { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [] } }, { token_endpoint_auth_method: 'self_signed_tls_client_auth' }, { logo_uri: 'javascript:1' }, { client_id: 'mine' }, { post_logout_redirect_uris: ['https://x'] }, { default_acr_values: [1] }, { software_statement: 'x' }, JSON.parse('{"__proto__":{"x":1}}')]
  for (const m of dcr) { const r = await register(world, m as never); log('dcr', JSON.stringify(m).slice(0, 60), r.status, (r.json.error_description ?? r.json.error ?? '') as string) }
  log('dcr array', (await world.rest('POST', '/oauth/register', undefined, [])).status, (await world.rest('POST', '/oauth/register', undefined, 'null', { 'content-type': 'application/json' })).status)
  for (const body of ['{"a":'.repeat(20000), `{"redirect_uris":${'['.repeat(20000)}${']'.repeat(20000)}}`])
    log('dcr deep', (await world.rest('POST', '/oauth/register', undefined, body, { 'content-type': 'application/json' })).status)
  for (const f of [{ grant_type: 'client_credentials' }, { grant_type: 'password' }, { grant_type: 'refresh_token', refresh_token: '\u0000' }, { grant_type: 'authorization_code', code: 'x'.repeat(30000) }, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' }]) {
    const r = await client.token(f as never); log('token', JSON.stringify(f).slice(0, 50), r.status, r.json.error as string)
  }
})

test('tokens after the end', async () => {
  const client = await anOAuthClient(world)
  const tokens = await connect(client, aBrowser(world.url), 'acme@example.com', { scope: 'call read manage sell' })
  const t = tokens.access_token
  const call = async (path: string, key: string) => (await world.rest('POST', path, key, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'check_balance', arguments: {} } })).status
  log('mcp', await call('/mcp', t), 'gw', await call(`/mcp/${acme.slug}/tools`, t), 'rest', (await world.rest('GET', '/v1/me', t)).status, 'body', (await world.rest('GET', '/v1/calls/call_x/body', t)).status, 'sse', await call('/mcp/messages', t), 'mcp/', await call('/mcp/', t))
  for (const odd of [{ name: { toString: null } }, { name: 1 }, { name: 'call_api', arguments: [] }, { name: 'call_api', arguments: { endpoint_id: { toString: null } } }, { name: 'call_api', arguments: {}, requestState: { toString: null }, inputResponses: { approve: 1 } }]) {
    const r = await world.rest('POST', '/mcp', t, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: odd }); log('odd', JSON.stringify(odd), r.status, r.text.slice(0, 100))
  }
  await world.rest('POST', `/v1/accounts/${acme.id}/suspend`, world.operatorKey, { reason: 'because', category: 'other' }).then((r) => log('suspend', r.status, r.text.slice(0, 200)))
})

test('sse unread', async () => {
  const rss0 = process.memoryUsage().rss
  const p = await world.account('Unread', '1')
  const u = new URL(world.url)
  const path = await new Promise<string>((resolve) => {
    const s = tcp(Number(u.port), u.hostname)
    s.write(`GET /mcp/sse HTTP/1.1\r\nHost: ${u.host}\r\nAuthorization: Bearer ${p.key}\r\n\r\n`)
    s.on('data', (d) => { const m = /data: (\S+)/.exec(String(d)); if (m) { s.pause(); resolve(m[1]!) } })
  })
  const batch = Array.from({ length: 50 }, (_, i) => ({ jsonrpc: '2.0', id: i, method: 'tools/list' }))
  let n = 0
  for (let i = 0; i < 400; i++) { const r = await world.rest('POST', path, p.key, batch); if (r.status !== 202) { log('sse post', r.status, r.text.slice(0, 100)); break } n++ }
  await new Promise((r) => setTimeout(r, 500))
  log('sse unread: posts', n, 'rss MB', Math.round((process.memoryUsage().rss - rss0) / 1e6), 'ext', Math.round(process.memoryUsage().external / 1e6), 'heap', Math.round(process.memoryUsage().heapUsed / 1e6))
}, 60000)

test('ws', async () => {
  const p = await world.account('Ws', '1')
  const open = () => new Promise<WebSocket>((resolve, reject) => { const w = new WebSocket(`${world.url.replace('http', 'ws')}/mcp/ws`, 'mcp', { headers: { authorization: `Bearer ${p.key}` } }); w.on('open', () => resolve(w)); w.on('error', reject) })
  const w = await open()
  const got: string[] = []
  w.on('message', (d) => got.push(String(d)))
  w.on('close', (c) => log('ws closed', c))
  for (const m of ['null', '1', '[]', '"x"', '{', '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","id":{},"method":"ping"}', '{"jsonrpc":"2.0","id":null,"method":"ping"}', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{"toString":null}}}', '{"jsonrpc":"2.0","id":"x","result":{"toString":null}}', '{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"check_balance","_meta":{"progressToken":{"a":1}}}}', '{"jsonrpc":"2.0","id":"__proto__","method":"ping"}', '{"jsonrpc":"2.0","id":10,"method":"constructor"}', '{"jsonrpc":"2.0","id":11,"method":"tools/call","params":{"name":"__proto__"}}']) w.send(m)
  w.send(Buffer.from([0xff, 0xfe]), { binary: true })
  await new Promise((r) => setTimeout(r, 600))
  for (const g of got) log('ws', g.slice(0, 140))
  for (let i = 0; i < 3000; i++) w.send('{"jsonrpc":"2.0","id":1,"method":"ping"}')
  await new Promise((r) => setTimeout(r, 800))
  log('ws after flood', got.length, w.readyState)
  w.send('x'.repeat(2e6))
  await new Promise((r) => setTimeout(r, 500))
  // unread
  const w2 = await open()
  ;(w2 as never as { _socket: { pause(): void } })._socket.pause()
  const list = JSON.stringify(Array.from({ length: 50 }, (_, i) => ({ jsonrpc: '2.0', id: i, method: 'tools/list' })))
  const rss0 = process.memoryUsage().rss
  for (let i = 0; i < 400; i++) { w2.send(list); await new Promise((r) => setTimeout(r, 5)) }
  await new Promise((r) => setTimeout(r, 800))
  log('ws unread rss', Math.round((process.memoryUsage().rss - rss0) / 1e6), w2.readyState)
  w2.terminate()
}, 60000)

test('authorize flood', async () => {
  const client = await anOAuthClient(world)
  const { store } = world.started.gateway.deps
  const count = async () => Number((await store.db('oauth_payloads').count('* as n'))[0]!.n)
  const before = await count()
  const t = performance.now()
  for (let i = 0; i < 100; i++) await fetch(world.url + client.authorizeUrl(), { redirect: 'manual' })
  log('authorize x100 rows', (await count()) - before, 'ms each', (performance.now() - t) / 100)
  void [request, clientNamed, PASSWORD, signIn]
}, 60000)
