/**
 * Running a market: teams below a company with its money, what each may use, who is stopped, what was
 * earned and moved, and who may join. The record of all of it is in audit.journey.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { doctorCommand } from '../../src/doctor-command.js'
import { answerJson, aWorld, type Json, type Party, type World } from '../support/world.js'

const PRICE = '0.00105'

let world: World
let seller: Party

beforeAll(async () => {
  world = await aWorld({ SOUK_SIGNUP: 'invite' })
  seller = await world.account('Seller')
  world.upstream.answerWith(answerJson(200, { ok: true }))
})

afterAll(() => world.close())

/** The answer to a request that must go well. */
async function ask(method: string, path: string, key: string, body?: unknown): Promise<Json> {
  const { status, json, text } = await world.rest(method, path, key, body)
  expect(status, `${method} ${path}: ${text}`).toBeLessThan(300)
  return json
}

async function aTeam(parent: Party, terms: Json = {}): Promise<Party> {
  const { id, slug, api_key } = await ask('POST', '/v1/sub-accounts', parent.key, {
    name: 'Team',
    ...terms,
  })
  return { id, slug, key: api_key } as Party
}

const order = (endpointId: string) => ({
  endpoint_id: endpointId,
  arguments: { space: 'main', q: 'tea' },
})
const buy = (key: string, endpointId: string) =>
  world.rest('POST', '/v1/calls', key, order(endpointId))
const operator = (method: string, path: string, body?: unknown) =>
  ask(method, path, world.operatorKey, body)

describe("a team with its company's money", () => {
  let company: Party
  let endpointId: string
  beforeAll(async () => {
    company = await world.account('Company', '1')
    endpointId = (await world.listing(seller)).endpointId
  })

  test('spends it, while calls, receipts and usage are its own', async () => {
    const team = await aTeam(company)
    const { json: call } = await buy(team.key, endpointId)
    expect(call).toMatchObject({ outcome: 'charged', balance: '0.99895' })
    const balance = await ask('GET', '/v1/balance', team.key)
    expect(balance).toMatchObject({ available: '0.99895', held: '0' })
    expect(await ask('GET', '/v1/balance', company.key)).toMatchObject({ available: '0.99895' })
    const calls = (usage: Json) => (usage.calls as Json[]).map(({ call_id }) => call_id)
    expect(calls(await ask('GET', '/v1/usage', team.key))).toEqual([call.call_id])
    expect(calls(await ask('GET', '/v1/usage', company.key))).toEqual([])
    const seen = await ask('GET', `/v1/usage?sub_account=${team.id}`, company.key)
    expect(calls(seen)).toEqual([call.call_id])
    const receipt = await ask('GET', `/v1/receipts/${call.receipt_id}`, team.key)
    expect(receipt).toMatchObject({ claims: { buyer: team.id } })
    const { entries } = await ask('GET', '/v1/statement', company.key)
    expect(entries).toContainEqual(
      expect.objectContaining({ kind: 'charge', reference: call.call_id, amount: `-${PRICE}` }),
    )
    expect((await ask('GET', '/v1/statement', team.key)).entries).toEqual([])
    expect((await world.rest('GET', `/v1/calls/${call.call_id}`, company.key)).status).toBe(404)
  })

  test('has usage for each of its keys, the same over MCP', async () => {
    const team = await aTeam(company)
    const path = `/v1/sub-accounts/${team.id}/keys`
    const made = await ask('POST', path, company.key, { name: 'second', scopes: ['call', 'read'] })
    const second = made as { id: string; api_key: string }
    for (const key of [team.key, second.api_key]) await buy(key, endpointId)
    const seen = await ask('GET', `/v1/usage?sub_account=${team.id}`, company.key)
    const keyIds = (seen.calls as Json[]).map(({ key_id }) => key_id)
    expect(keyIds).toEqual([
      second.id,
      ((await ask('GET', '/v1/me', team.key)) as { key: Json }).key.id,
    ])
    const query = { key_id: second.id }
    const own = await ask('GET', `/v1/usage?key_id=${second.id}`, team.key)
    expect(own).toMatchObject({ calls: [{ ...query, total: PRICE }], totals: { calls: 1 } })
    const { calls, totals } = await world.tool(team.key, 'get_usage', query)
    expect({ calls, totals }).toEqual(own)
    // Another account's key bought nothing here.
    const none = await ask('GET', `/v1/usage?key_id=${second.id}`, company.key)
    expect(none).toMatchObject({ calls: [], totals: { calls: 0, charged: '0' } })
  })

  test("is stopped at its own cap, and at its company's, however many buy at once", async () => {
    const capped = await world.account('Capped', '1')
    await operator('PATCH', `/v1/accounts/${capped.id}`, { limits: { day: '0.0053' } })
    const small = await aTeam(capped, { limits: { day: '0.0022' } })
    const large = await aTeam(capped)
    const buyers = [small, large, capped].flatMap(({ key }) => Array(6).fill(key) as string[])
    const answers = await Promise.all(buyers.map((key) => buy(key, endpointId)))
    const charged = (keys: readonly string[]) =>
      answers.filter(({ status }, at) => status === 200 && keys.includes(buyers[at]!)).length
    expect(charged([small.key])).toBeLessThanOrEqual(2)
    expect(charged(buyers)).toBe(5)
    const { json: refused } = await buy(large.key, endpointId)
    expect(refused).toMatchObject({ code: 'limit_exceeded', scope: 'day of parent account' })
    const { limits } = await ask('GET', '/v1/balance', small.key)
    expect((limits as Json[]).map(({ scope }) => scope)).toEqual([
      'day of account',
      'day of parent account',
    ])
  })

  test('ends with its key, when the company closes it', async () => {
    const team = await aTeam(company)
    await world.rest('DELETE', `/v1/sub-accounts/${team.id}`, company.key)
    expect((await buy(team.key, endpointId)).status).toBe(401)
    const shown = await ask('GET', `/v1/sub-accounts/${team.id}`, company.key)
    expect(shown).toMatchObject({ status: 'closed' })
  })

  test('neither rates nor measures what it buys of its own company', async () => {
    const team = await aTeam(company)
    const own = await world.listing(company)
    const { json } = await buy(team.key, own.endpointId)
    const rated = await world.rest('POST', '/v1/ratings', team.key, {
      ...{ call_id: json.call_id, score: 5 },
    })
    expect(rated.json).toMatchObject({ code: 'rating_refused' })
  })
})

describe('a team with money of its own', () => {
  test('gets it from its company and gives it back, once for one idempotency key', async () => {
    const company = await world.account('Company', '1')
    const team = await aTeam(company, { balance: 'own' })
    const path = `/v1/sub-accounts/${team.id}/transfers`
    const move = { amount: '0.4', idempotency_key: 'monday' }
    const first = await ask('POST', path, company.key, move)
    expect(first).toMatchObject({ amount: '0.4', balance: '0.4' })
    expect(await ask('POST', path, company.key, move)).toEqual(first)
    const other = await world.rest('POST', path, company.key, { ...move, amount: '0.5' })
    expect(other.json).toMatchObject({ status: 409, code: 'idempotency_conflict' })
    const { endpointId } = await world.listing(seller)
    expect((await buy(team.key, endpointId)).json).toMatchObject({ balance: '0.39895' })
    const back = { amount: '0.39895', direction: 'to_parent' }
    expect(await ask('POST', path, company.key, back)).toMatchObject({ balance: '0.99895' })
    const more = await world.rest('POST', path, company.key, { amount: '5' })
    expect(more.json).toMatchObject({ status: 402, code: 'insufficient_balance' })
    const { entries } = await ask('GET', '/v1/statement', company.key)
    const moves = (entries as Json[]).filter(({ kind }) => kind === 'transfer')
    expect(moves.map(({ amount }) => amount)).toEqual(['-0.4', '0.39895'])
  })
})

describe('a list of what may be used', () => {
  test('is seen alike by browse, describe, price and call, over MCP and REST', async () => {
    const allowed = await world.listing(seller, { endpoint: { title: 'Kittens of the day' } })
    const other = await world.listing(seller, { endpoint: { title: 'Kittens of the night' } })
    const company = await world.account('Careful', '1')
    const made = await ask('POST', '/v1/keys', company.key, {
      ...{ name: 'narrow', scopes: ['call', 'read', 'manage'] },
      allow: { listings: [allowed.slug] },
    })
    const team = await aTeam(company, { allow: { listings: [allowed.slug] } })
    for (const key of [made.api_key as string, team.key]) {
      const found = await ask('GET', '/v1/endpoints?query=kittens', key)
      const ids = (found.results as Json[]).map(({ endpoint_id }) => endpoint_id)
      expect(ids).toEqual([allowed.endpointId])
      const told = await world.tool(key, 'browse_apis', { query: 'kittens' })
      expect((told.results as Json[]).map(({ endpoint_id }) => endpoint_id)).toEqual(ids)
      const { categories } = await ask('GET', '/v1/endpoints', key)
      expect(categories).toEqual([{ name: 'search', count: 1 }])
      expect((await buy(key, allowed.endpointId)).status).toBe(200)
      await sameRefusals(key, other.endpointId)
    }
  })

  test('of a key holds for the keys that it makes, which cannot name more', async () => {
    const company = await world.account('Careful')
    const make = (key: string, allow: Json) =>
      world.rest('POST', '/v1/keys', key, { name: 'k', scopes: ['call', 'manage'], allow })
    const { json } = await make(company.key, { listings: ['wiki-a'] })
    const key = json.api_key as string
    expect((await make(key, { listings: ['wiki-b'] })).status).toBe(400)
    const { json: child } = await make(key, {})
    const { results } = await ask('GET', '/v1/endpoints', child.api_key as string)
    expect(results).toEqual([])
  })

  test('that the operator sets holds from then on, and can be taken away', async () => {
    const { slug, endpointId } = await world.listing(seller)
    const company = await world.account('Careful', '1')
    await operator('PATCH', `/v1/accounts/${company.id}`, { allow: { listings: ['none'] } })
    expect((await buy(company.key, endpointId)).json).toMatchObject({ code: 'endpoint_not_found' })
    await operator('PATCH', `/v1/accounts/${company.id}`, { allow: { listings: [slug] } })
    expect((await buy(company.key, endpointId)).status).toBe(200)
    await operator('PATCH', `/v1/accounts/${company.id}`, { allow: {} })
    expect(await ask('GET', '/v1/me', company.key)).not.toHaveProperty('allow')
  })
})

/** What is not allowed is refused in the very words of what does not exist, whichever way. */
async function sameRefusals(key: string, endpointId: string): Promise<void> {
  const unknown = `${endpointId}-not`
  const asked = (id: string) => [
    world.rest('GET', `/v1/endpoints/${id}`, key),
    world.rest('POST', '/v1/quotes', key, order(id)),
    world.rest('POST', '/v1/calls', key, order(id)),
    world.tool(key, 'describe_endpoint', { endpoint_id: id }),
    world.tool(key, 'get_pricing', { endpoint_id: id }),
    world.tool(key, 'call_api', order(id)),
  ]
  const [theirs, none] = await Promise.all(
    [endpointId, unknown].map((id) => Promise.all(asked(id))),
  )
  const said = (answer: object) => {
    const json = 'json' in answer ? { ...(answer.json as Json), trace_id: '' } : answer
    return JSON.stringify(json).replaceAll(unknown, endpointId)
  }
  expect(theirs!.map(said)).toEqual(none!.map(said))
  for (const text of theirs!.map(said)) expect(text).toContain('endpoint_not_found')
}

describe('a suspended account', () => {
  test('buys nothing new, while its running call is concluded and paid', async () => {
    const buyer = await world.account('Bad buyer', '1')
    const team = await aTeam(buyer)
    const { endpointId } = await world.listing(seller)
    let release = () => {}
    const arrived = new Promise<void>((resolve) => {
      world.upstream.answerWith((req, res) => {
        release = () => answerJson(200, { ok: true })(req, res)
        resolve()
      })
    })
    const running = buy(buyer.key, endpointId)
    await arrived
    await operator('POST', `/v1/accounts/${buyer.id}/suspend`, {
      ...{ reason: 'ticket 4711', category: 'fraud' },
    })
    for (const { key } of [buyer, team]) {
      const { status, json } = await buy(key, endpointId)
      expect([status, json.code, json.reason]).toEqual([403, 'account_suspended', 'fraud'])
      expect(JSON.stringify(json)).not.toContain('4711')
      const told = await world.tool(key, 'call_api', order(endpointId))
      expect(told).toMatchObject({ isError: true, code: 'account_suspended' })
    }
    release()
    expect((await running).json).toMatchObject({ outcome: 'charged' })
    world.upstream.answerWith(answerJson(200, { ok: true }))
    expect(await ask('GET', '/v1/balance', buyer.key)).toMatchObject({ held: '0' })
    await operator('POST', `/v1/accounts/${buyer.id}/resume`, {})
    expect((await buy(team.key, endpointId)).status).toBe(200)
  })

  test('sells nothing, keeps what it earned, and cannot move it until it is resumed', async () => {
    const bad = await world.account('Bad seller')
    const buyer = await world.account('Buyer', '1')
    const listing = await world.listing(bad, { endpoint: { title: 'Quinces of the world' } })
    expect((await buy(buyer.key, listing.endpointId)).status).toBe(200)
    await operator('POST', `/v1/accounts/${bad.id}/suspend`, { reason: 'x', category: 'quality' })
    const refused = await buy(buyer.key, listing.endpointId)
    expect(refused.json).toMatchObject({ code: 'listing_changed', reason: 'quality' })
    const found = await ask('GET', '/v1/endpoints?query=quinces', buyer.key)
    expect(found.results).toEqual([])
    const held = { available: '0.001', held: true, held_reason: 'quality' }
    expect(await ask('GET', '/v1/earnings', bad.key)).toMatchObject(held)
    const move = () => world.rest('POST', '/v1/earnings/transfer', bad.key, { amount: '0.001' })
    expect((await move()).json).toMatchObject({ code: 'account_suspended' })
    await operator('POST', `/v1/accounts/${bad.id}/resume`, {})
    expect((await move()).json).toMatchObject({ amount: '0.001', balance: '0.001' })
    expect((await move()).json).toMatchObject({ status: 402, code: 'insufficient_balance' })
    const again = await ask('GET', '/v1/endpoints?query=quinces', buyer.key)
    expect(again.results).toHaveLength(1)
  })
})

test.each(['own', 'parent'])(
  'what a closed sub-account earned is not lost: balance %s',
  async (balance) => {
    const company = await world.account('Company', '1')
    const team = await aTeam(company, { balance })
    const { endpointId } = await world.listing(team)
    const buyer = await world.account('Buyer', '1')
    expect((await buy(buyer.key, endpointId)).status).toBe(200)
    await world.rest('DELETE', `/v1/sub-accounts/${team.id}`, company.key)
    const path = `/v1/sub-accounts/${team.id}/transfers`
    const move = { amount: '0.001', source: 'earnings' }
    const shown = () => ask('GET', `/v1/sub-accounts/${team.id}`, company.key)
    expect(await shown()).toMatchObject({ status: 'closed', earned: '0.001' })
    const down = await world.rest('POST', path, company.key, move)
    expect(down.json).toMatchObject({ code: 'invalid_request' })
    const up = { ...move, direction: 'to_parent' }
    expect(await ask('POST', path, company.key, up)).toMatchObject({ balance: '1.001' })
    const more = await world.rest('POST', path, company.key, up)
    expect(more.json).toMatchObject({ code: 'insufficient_balance' })
    expect(await shown()).toMatchObject({ earned: '0' })
  },
)

test('a grant to a sub-account whose company pays is the company’s', async () => {
  const company = await world.account('Company', '1')
  const team = await aTeam(company)
  const terms = { amount: '0.5', reason: 'for the team' }
  const granted = await operator('POST', `/v1/accounts/${team.id}/grants`, terms)
  expect(granted).toMatchObject({ account_id: company.id, balance: '1.5' })
  expect(await ask('GET', '/v1/balance', team.key)).toMatchObject({ available: '1.5' })
})

test('what a suspended sub-account has stays there, also when the account above asks', async () => {
  const company = await world.account('Company', '1')
  const team = await aTeam(company, { balance: 'own' })
  const path = `/v1/sub-accounts/${team.id}/transfers`
  await ask('POST', path, company.key, { amount: '0.4' })
  await operator('POST', `/v1/accounts/${team.id}/suspend`, { reason: 'x', category: 'fraud' })
  const back = { amount: '0.4', direction: 'to_parent' }
  const refused = await world.rest('POST', path, company.key, back)
  expect(refused.json).toMatchObject({ status: 403, code: 'account_suspended', reason: 'fraud' })
  await operator('POST', `/v1/accounts/${team.id}/resume`, {})
  expect(await ask('POST', path, company.key, back)).toMatchObject({ balance: '1' })
})

test('what a sub-account has that was closed while it was suspended comes back when it is resumed', async () => {
  const company = await world.account('Company', '1')
  const team = await aTeam(company, { balance: 'own' })
  const path = `/v1/sub-accounts/${team.id}`
  await ask('POST', `${path}/transfers`, company.key, { amount: '0.4' })
  await operator('POST', `/v1/accounts/${team.id}/suspend`, { reason: 'x', category: 'fraud' })
  await world.rest('DELETE', path, company.key)
  const back = { amount: '0.4', direction: 'to_parent' }
  const refused = await world.rest('POST', `${path}/transfers`, company.key, back)
  expect(refused.json).toMatchObject({ code: 'account_suspended' })
  expect(await operator('POST', `/v1/accounts/${team.id}/resume`, {})).toMatchObject({
    status: 'closed',
  })
  expect(await ask('POST', `${path}/transfers`, company.key, back)).toMatchObject({ balance: '1' })
})

test('what a sub-account sells is found under the name that it has', async () => {
  const company = await world.account('Company', '1')
  const team = await aTeam(company)
  const { endpointId } = await world.listing(team)
  const sellerOf = async () => {
    const path = `/v1/endpoints?query=${endpointId}&seller=${team.id}`
    const { results } = await ask('GET', path, company.key)
    return (results as Json[]).map(({ seller }) => seller)
  }
  expect(await sellerOf()).toEqual(['Team'])
  await ask('PATCH', `/v1/sub-accounts/${team.id}`, company.key, { name: 'Crew' })
  expect(await sellerOf()).toEqual(['Crew'])
})

test('a suspended listing is off sale whatever its seller does, until the operator resumes it', async () => {
  const buyer = await world.account('Buyer', '1')
  const { id, endpointId } = await world.listing(seller)
  await operator('POST', `/v1/operator/listings/${id}/suspend`, {
    ...{ reason: 'complaint 12', category: 'legal' },
  })
  for (const step of ['pause', 'publish']) {
    await world.rest('POST', `/v1/listings/${id}/${step}`, seller.key)
    const { json } = await buy(buyer.key, endpointId)
    expect(json).toMatchObject({ code: 'listing_changed', reason: 'legal' })
  }
  const published = await world.rest('POST', `/v1/listings/${id}/publish`, seller.key)
  expect(published.json).toMatchObject({ status: 403, code: 'forbidden', reason: 'legal' })
  const told = await world.rest('GET', `/v1/listings/${id}`, seller.key)
  expect(told.json.suspended).toEqual({ category: 'legal', since: expect.any(String) })
  expect(told.text).not.toContain('complaint 12')
  const { listings } = await operator('GET', '/v1/operator/listings?status=suspended')
  expect(listings).toMatchObject([{ id, suspended: { reason: 'complaint 12' } }])
  await operator('POST', `/v1/operator/listings/${id}/resume`, {})
  const resumed = await ask('POST', `/v1/listings/${id}/publish`, seller.key)
  expect(resumed).not.toHaveProperty('suspended')
  expect((await buy(buyer.key, endpointId)).status).toBe(200)
})

test('who is invited signs up once, with the credit that was promised', async () => {
  const stranger = (body: Json) => world.rest('POST', '/v1/sign-ups', undefined, body)
  expect((await stranger({ name: 'Uninvited' })).json).toMatchObject({ code: 'forbidden' })
  const { invite } = await operator('POST', '/v1/invites', { credit: '0.50' })
  const { status, json } = await stranger({ name: 'Guest', invite })
  expect(status).toBe(201)
  const balance = await ask('GET', '/v1/balance', json.api_key as string)
  expect(balance).toMatchObject({ available: '0.5' })
  expect((await stranger({ name: 'Guest', invite })).status).toBe(403)
})

test('all that was bought, moved and decided here passes the doctor', async () => {
  const lines: string[] = []
  await doctorCommand(world.started.gateway.config, [], (line) => lines.push(line))
  expect(lines.filter((line) => line.startsWith('BAD'))).toEqual([])
  expect(lines).toContainEqual(expect.stringMatching(/^ok {2}audit: \d+ acts$/))
})
