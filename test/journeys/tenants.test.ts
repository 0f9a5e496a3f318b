/**
 * Two accounts on one gateway: neither sees, changes or even learns of what is the other's. Every route
 * with every id: tenants-routes.journey. Calls at the same time: tenants-at-once.journey.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aBazaar, type Bazaar } from '../support/bazaar.js'

let bazaar: Bazaar

beforeAll(async () => {
  bazaar = await aBazaar()
})

afterAll(() => bazaar.world.close())

test("another account's sub-accounts do not exist, in the same words as those that do not", async () => {
  const { world, buyer, stranger } = bazaar
  const made = await world.rest('POST', '/v1/sub-accounts', buyer.key, {
    ...{ name: 'Team', balance: 'own' },
  })
  const { id, api_key } = made.json as { id: string; api_key: string }
  const below = await world.rest('POST', '/v1/sub-accounts', stranger.key, { name: 'Other' })
  const newKey = { name: 'k', scopes: ['call'] }
  const routes: [string, string, unknown?][] = [
    ['GET', '/v1/sub-accounts/$'],
    ['PATCH', '/v1/sub-accounts/$', { name: 'Mine' }],
    ['DELETE', '/v1/sub-accounts/$'],
    ['GET', '/v1/sub-accounts/$/keys'],
    ['POST', '/v1/sub-accounts/$/keys', newKey],
    ['POST', '/v1/sub-accounts/$/transfers', { amount: '0.1' }],
    ['POST', '/v1/sub-accounts/$/transfers', { amount: '0.1', direction: 'to_parent' }],
    ['GET', '/v1/usage?sub_account=$'],
  ]
  // Neither a stranger, nor one below a stranger, nor the sub-account itself.
  for (const key of [stranger.key, below.json.api_key as string, api_key]) {
    for (const [method, path, body] of routes) {
      for (const theirs of [id, buyer.id, stranger.id]) {
        const unknown = `${theirs.slice(0, -4)}0000`
        const [found, none] = await Promise.all(
          [theirs, unknown].map((it) => world.rest(method, path.replace('$', it), key, body)),
        )
        expect(found!.status, `${method} ${path}`).toBe(404)
        expect({ ...found!.json, trace_id: '' }).toEqual({ ...none!.json, trace_id: '' })
      }
    }
    const { json } = await world.rest('GET', '/v1/sub-accounts', key)
    expect(JSON.stringify(json)).not.toContain(id)
  }
  const { json } = await world.rest('GET', `/v1/sub-accounts/${id}`, buyer.key)
  expect(json).toMatchObject({ name: 'Team', status: 'active', available: '0' })
})

test('a receipt is shown to its buyer and its seller', async () => {
  const { world, buyer, seller } = bazaar
  const { receipt_id } = await bazaar.buy(buyer.key, bazaar.order())
  for (const { key } of [buyer, seller]) {
    expect((await world.rest('GET', `/v1/receipts/${receipt_id}`, key)).status).toBe(200)
  }
})

test('a statement has what is the account’s own, whoever’s cursor is sent', async () => {
  const { world, buyer, seller, stranger } = bazaar
  const bought = await bazaar.buy(buyer.key, bazaar.order())
  const read = (key: string, query = '') => world.rest('GET', `/v1/statement${query}`, key)
  expect((await read(stranger.key)).text).not.toContain(bought.call_id)
  const { json } = await read(buyer.key, '?limit=1')
  for (const { key } of [stranger, seller]) {
    const answered = await read(key, `?limit=1&cursor=${json.resume_cursor}`)
    expect(answered.json).toMatchObject({ status: 400, code: 'invalid_request' })
  }
})

const SQL = ["' or 1=1 --", '"; drop table calls; --', "x' union select * from api_keys --"]

test('what looks like SQL in a filter or an id finds nothing of anybody', async () => {
  const { world, buyer, stranger, order } = bazaar
  await bazaar.buy(buyer.key, order())
  const before = await bazaar.state()
  for (const sql of SQL) {
    const text = encodeURIComponent(sql)
    for (const path of [
      'usage?endpoint_id=',
      'usage?tag=',
      'endpoints?category=',
      'endpoints?seller=',
    ]) {
      const { status, json } = await world.rest('GET', `/v1/${path}${text}`, stranger.key)
      expect(status, path).toBe(200)
      expect(json.calls ?? json.results).toEqual([])
    }
    for (const path of [
      'usage?from=',
      'usage?to=',
      'usage?cursor=',
      'statement?from=',
      'statement?book=',
      'statement?cursor=',
      'endpoints?cursor=',
      'endpoints?min_rating=',
    ]) {
      const { json } = await world.rest('GET', `/v1/${path}${text}`, stranger.key)
      expect(json).toMatchObject({ status: 400, code: 'invalid_request' })
    }
    for (const path of ['calls', 'receipts', 'listings', 'endpoints']) {
      expect((await world.rest('GET', `/v1/${path}/${text}`, stranger.key)).status).toBe(404)
    }
    expect((await world.rest('GET', `/v1/endpoints?query=${text}`, stranger.key)).status).toBe(200)
  }
  expect(await bazaar.state()).toEqual(before)
})
