/**
 * Every route of the table with every id of another account: the 404 of nothing there, in the same
 * words. A route that is new fails here until it is said what it takes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { routes } from '../../src/http/routes/routes.js'
import { aBrowser, type Browser } from '../support/a-browser.js'
import { anOAuthClient, aPerson, connect, signIn } from '../support/an-oauth-client.js'
import { aSocket } from '../support/mcp-clients.js'
import { type Answered, aWorld, type Json, type Party, type World } from '../support/world.js'

let world: World
let ada: Party
/** Whom nothing of Ada's is shown: another account, and one below it. */
const others: Record<string, Party> = {}
/** One of each kind that Ada has; of what is public only ids that are not. */
let ids: Record<string, string>
let adasSession: string

beforeAll(async () => {
  world = await aWorld()
  ada = await world.account('Ada', '1')
  const eve = await world.account('Eve', '1')
  const team = await make('/v1/sub-accounts', eve, { name: 'Team of Eve' })
  Object.assign(others, { eve, team: { ...team, key: team.api_key } })
  ids = await everythingOf(ada)
})
afterAll(async () => {
  // Nothing of all that changed what is Ada's.
  const { json } = await world.rest('GET', `/v1/mcp/tools/${ids.tool}`, ada.key)
  expect(json).toMatchObject({ id: ids.tool, status: 'published', version: 1 })
  const sold = await world.rest('GET', `/v1/listings/${ids.published}`, ada.key)
  expect(sold.json).toMatchObject({ status: 'published', title: 'Acme wiki' })
  const gateway = await world.rest('GET', `/v1/gateways/${ids.gateway}`, ada.key)
  expect(gateway.json).toMatchObject({ name: 'Of Ada' })
  const me = await world.rest('GET', '/v1/me', String(ids.secret))
  expect(me.status).toBe(200)
  await world.close()
})

async function make(path: string, party: Party, body: Json): Promise<Json> {
  const { status, json, text } = await world.rest('POST', path, party.key, body)
  expect(status, `${path}: ${text}`).toBeLessThan(300)
  return json
}

async function everythingOf(party: Party): Promise<Record<string, string>> {
  const declare = (name: string, more: Json = {}) =>
    make('/v1/mcp/tools', party, {
      ...{ name, description: 'Quokkas of Ada.', input_schema: { type: 'object' } },
      ...{ handler_url: `${world.upstream.baseUrl}/${name}`, ...more },
    })
  const tool = await declare('quokkas')
  const careful = await declare('careful', { require_human_approval: true })
  const endpoint = String(tool.endpoint_id)
  const bought = await make('/v1/calls', party, { endpoint_id: endpoint, arguments: {} })
  const { quote } = (await make('/v1/quotes', party, {
    ...{ endpoint_id: endpoint, arguments: {} },
  })) as { quote: Json }
  const refused = await world.rest('POST', '/v1/calls', party.key, {
    ...{ endpoint_id: careful.endpoint_id, arguments: {} },
  })
  const { json } = await world.rest('GET', '/v1/listings', party.key)
  const sold = await world.listing(party)
  const draft = await make('/v1/listings', party, {
    ...{ slug: 'draft-of-ada', title: 'Draft', description: 'Draft.', category: 'search' },
    backend: { type: 'http', base_url: world.upstream.baseUrl },
    endpoints: [
      {
        ...{ slug: 'x', title: 'X', description: 'X.', method: 'GET', path: '/x' },
        ...{ input_schema: { type: 'object' }, price: { model: 'free' } },
      },
    ],
  })
  const gateway = await make('/v1/gateways', party, {
    ...{ name: 'Of Ada', type: 'mcp', endpoint: 'secret-things' },
  })
  const sub = await make('/v1/sub-accounts', party, { name: 'Team of Ada', balance: 'own' })
  const key = await make('/v1/keys', party, { name: 'of Ada', scopes: ['call'] })
  return {
    ...{ tool: tool.id, endpoint, call: bought.call_id, receipt: bought.receipt_id },
    ...{ quote: quote.quote_id, approval: refused.json.approval_id, gateway: gateway.id },
    ...{ listing: (json.listings as Json[])[0]!.id, sub: sub.id, key: key.id, account: party.id },
    ...{
      secret: key.api_key,
      published: sold.id,
      draft: draft.id,
      draftEndpoint: 'draft-of-ada.x',
    },
  } as Record<string, string>
}

/** What a body of each route must say to be read at all. */
const BODIES: Record<string, unknown> = {
  'patch /v1/listings/{id}': { title: 'Mine' },
  'post /v1/listings/{id}/test': {},
  'put /v1/listings/{id}/credential': { type: 'bearer', token: 'long-enough' },
  'post /v1/mcp/tools/{id}/invoke': { arguments: {} },
  'patch /v1/sub-accounts/{id}': { name: 'Mine' },
  'post /v1/sub-accounts/{id}/keys': { name: 'mine', scopes: ['call'] },
  'post /v1/sub-accounts/{id}/transfers': { amount: '0.1', direction: 'to_parent' },
  'patch /v1/gateways/{id}': { name: 'Mine' },
}

/** Requests that name things elsewhere than in their path, and what they are refused with. */
const NAMING: Record<string, [body: () => Json, code: string][]> = {
  'post /v1/quotes': [[() => order(), 'endpoint_not_found']],
  'post /v1/calls': [
    [() => order(), 'endpoint_not_found'],
    [() => order({ version: 1 }), 'endpoint_not_found'],
    [() => order({ quote_id: ids.quote }), 'quote_not_found'],
  ],
  'post /v1/ratings': [[() => ({ call_id: ids.call, score: 1 }), 'call_not_found']],
  'post /v1/gateways': [
    [() => aGateway({ tools: [ids.endpoint!] }), 'endpoint_not_found'],
    [() => aGateway({ tools: [`${ids.endpoint!.split('.')[0]}.*`] }), 'endpoint_not_found'],
    [() => aGateway({ servers: ['no-such-server'] }), 'endpoint_not_found'],
  ],
}
/** Those that make something new, or change only who asks. */
const OF_ONES_OWN = [
  'post /v1/listings',
  'post /v1/listings/import',
  'post /v1/mcp/tools',
  'post /v1/mcp/signing-secret/rotate',
  'post /v1/keys',
  'post /v1/sub-accounts',
  'post /v1/earnings/transfer',
  'post /v1/sign-ups',
  'put /v1/me/sign-in',
]

const order = (more: Json = {}): Json => ({ endpoint_id: ids.endpoint, arguments: {}, ...more })
const aGateway = (configuration: Json): Json => ({
  ...{ name: 'x', type: 'mcp', endpoint: 'x', configuration },
})
const nameOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`
const withId = routes.filter(({ path }) => path.includes('{'))

/** What an answer says, but for its trace and for the id that was asked for. */
function said({ status, json, text }: Answered, id: string): string {
  const body = text.startsWith('{') ? JSON.stringify({ ...json, trace_id: '' }) : text
  return `${status} ${body.replaceAll(id, '<id>').replaceAll(encodeURIComponent(id), '<id>')}`
}

/** As long and of the same kind, of nobody. */
function unknownLike(id: string): string {
  return `${id.slice(0, -6)}000000`
}

describe.each(['eve', 'team'])('%s', (who) => {
  const ask = (method: string, path: string, body?: unknown) =>
    world.rest(method.toUpperCase(), path, others[who]!.key, body)

  test.each(withId.filter(({ who: may }) => may === 'key' || may === 'looker').map(nameOf))(
    '%s is 404 for every id of another account',
    async (name) => {
      const [method, path] = name.split(' ') as [string, string]
      for (const [kind, id] of Object.entries(ids)) {
        const [theirs, none] = await Promise.all(
          [id, unknownLike(id)].map((one) =>
            ask(method, path.replace(/\{\w+\}/, encodeURIComponent(one)), BODIES[name]),
          ),
        )
        expect(theirs!.status, `${kind}: ${theirs!.text}`).toBe(404)
        expect(said(theirs!, id), kind).toBe(said(none!, unknownLike(id)))
      }
    },
  )

  test.each(routes.filter(({ who: may }) => may === 'operator').map(nameOf))(
    '%s is forbidden, whatever is named',
    async (name) => {
      const [method, path] = name.split(' ') as [string, string]
      for (const id of path.includes('{') ? [ids.account!, ids.listing!, 'none'] : ['']) {
        const { status, json, text } = await ask(method, path.replace(/\{\w+\}/, id))
        expect([status, json.code], text).toEqual([403, 'forbidden'])
        expect(text).not.toContain(ids.account)
      }
    },
  )

  test.each(
    routes.filter(({ method, path }) => method === 'get' && !path.includes('{')).map(nameOf),
  )('%s shows nothing of another account', async (name) => {
    const [, path] = name.split(' ') as [string, string]
    const queries = ['', '?endpoint_id=$', '?within=$', '?query=quokkas', '?tag=$', '?cursor=$']
    for (const query of queries) {
      for (const id of [ids.endpoint!, ids.call!]) {
        const { text } = await ask('get', path + query.replace('$', id))
        const echoed = query.includes('$') ? [id] : []
        for (const one of Object.values(ids)) {
          if (!echoed.includes(one)) expect(text).not.toContain(one)
        }
        expect(text).not.toContain('Quokkas of Ada')
      }
    }
  })

  test.each(
    routes
      .filter(
        ({ method, path, who: may }) =>
          method !== 'get' && !path.includes('{') && may !== 'operator',
      )
      .map(nameOf),
  )('%s names nothing of another account, or is refused', async (name) => {
    const known = NAMING[name]
    if (!known) expect(OF_ONES_OWN).toContain(name)
    for (const [body, code] of known ?? []) {
      const [method, path] = name.split(' ') as [string, string]
      const { status, json, text } = await ask(method, path, body())
      expect([status, json.code], text).toEqual([404, code])
    }
  })

  test('finds no gateway of another account, by no transport', async () => {
    const accept = { accept: 'application/json, text/event-stream' }
    const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
    const at = async (path: string) => {
      const answers = [
        await ask('POST', path, list),
        await world.rest('POST', path, others[who]!.key, list, {
          ...{ ...accept, 'mcp-session-id': adasSession },
        }),
        await ask('GET', path),
        await ask('DELETE', path),
        await ask('GET', `${path}/sse`),
        await ask('POST', `${path}/messages?sessionId=${adasSession}`, list),
      ]
      const socket = await aSocket(`${world.url}${path}/ws`, {
        authorization: `Bearer ${others[who]!.key}`,
      }).catch(({ message }: Error) => message)
      expect(socket).toBe('404')
      return answers.map((answer) => {
        expect(answer.status, path).toBe(404)
        return answer.text.replace(/"trace_id":"[^"]*"/, '')
      })
    }
    for (const endpoint of ['tools', 'secret-things']) {
      const theirs = await at(`/mcp/${ada.slug}/${endpoint}`)
      expect(theirs).toEqual(await at(`/mcp/nobody/${endpoint}`))
    }
  })

  test("cannot go on with another account's session, not at the marketplace either", async () => {
    const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
    const headers = { 'mcp-session-id': adasSession }
    const own = await world.rest('POST', '/mcp', ada.key, list, headers)
    expect(own.status).toBe(200)
    const stolen = await world.rest('POST', '/mcp', others[who]!.key, list, headers)
    expect(stolen.status).toBe(404)
    expect((await world.rest('DELETE', '/mcp', others[who]!.key, undefined, headers)).status).toBe(
      404,
    )
  })
})

beforeAll(async () => {
  const params = {
    ...{ protocolVersion: '2025-11-25', capabilities: {} },
    clientInfo: { name: 'x', version: '1' },
  }
  const message = { jsonrpc: '2.0', id: 1, method: 'initialize', params }
  const { headers } = await world.rest('POST', '/mcp', ada.key, message, {
    accept: 'application/json, text/event-stream',
  })
  adasSession = headers.get('mcp-session-id')!
})

describe('a person of another account', () => {
  let browser: Browser
  beforeAll(async () => {
    await aPerson(world, others.eve!.key, 'eve@example.com')
    browser = aBrowser(world.url)
    await signIn(browser, await browser.open('/sign-in'), 'eve@example.com')
  })

  test('finds no page about what is not theirs', async () => {
    for (const [path, id] of [
      ['/approvals/$', ids.approval!],
      ['/oauth/consent/$', 'some-interaction'],
    ] as const) {
      const shown = async (one: string) => {
        const { status, text } = await browser.open(path.replace('$', one))
        return [status, text.replaceAll(one, '<id>').replaceAll(/value="[^"]*"/g, '')]
      }
      const theirs = await shown(id)
      expect(theirs[0], path).toBe(404)
      expect(theirs).toEqual(await shown(unknownLike(id)))
    }
    const home = await browser.open('/account')
    for (const id of Object.values(ids)) expect(home.text).not.toContain(id)
  })

  test('ends no grant and decides no approval that is not theirs', async () => {
    await aPerson(world, ada.key, 'ada@example.com')
    const grant = await connect(await anOAuthClient(world), aBrowser(world.url), 'ada@example.com')
    const { json: shown } = await world.rest('GET', '/v1/keys', ada.key)
    const keyOfGrant = (shown.keys as Json[]).find(({ name }) => name === 'Test client')!.id
    const home = await browser.open('/account')
    const csrf = /name="csrf" value="([^"]+)"/.exec(home.text)![1]!
    const send = (path: string, more: Record<string, string> = {}) =>
      browser.post(path, new URLSearchParams({ csrf, ...more }), { origin: world.url })
    const paths = [
      `/account/clients/${keyOfGrant}/end`,
      `/account/clients/${ids.key}/end`,
      `/approvals/${ids.approval}`,
    ]
    for (const path of paths) {
      expect((await send(path, { decision: 'approve' })).status, path).toBe(404)
    }
    expect(await world.tool(grant.access_token, 'check_balance', {})).not.toHaveProperty('code')
    const { json } = await world.rest('GET', `/v1/approvals/${ids.approval}`, ada.key)
    expect(json.state).toBe('open')
    const audit = await world.rest('GET', '/v1/operator/audit?limit=200', world.operatorKey)
    expect(audit.text).not.toContain('oauth_grant.revoke')
    expect(audit.text).toContain('oauth_grant.create')
  })
})
