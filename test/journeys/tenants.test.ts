/** Two accounts on one gateway: neither sees, changes or even learns of what is the other's. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aBazaar, type Bazaar } from '../support/bazaar.js'
import type { Answered } from '../support/world.js'

let bazaar: Bazaar

beforeAll(async () => {
  bazaar = await aBazaar()
})

afterAll(() => bazaar.world.close())

test("another account's things do not exist, in the same words as those that do not", async () => {
  const { world, buyer, seller, stranger, wiki, key } = bazaar
  const bought = await bazaar.buy(buyer.key, bazaar.order())
  const { id: keyId } = await key(buyer)
  const draft = await world.rest('POST', '/v1/listings/import', seller.key, {
    slug: 'draft-only',
    price: { model: 'per_call', amount: '0.001' },
    document: {
      openapi: '3.1.0',
      info: { title: 'Draft', version: '1' },
      servers: [{ url: world.upstream.baseUrl }],
      paths: { '/x': { get: { operationId: 'x', responses: {} } } },
    },
  })
  expect(draft.status, draft.text).toBe(201)
  const [endpoint] = draft.json.endpoints as { endpoint_id: string }[]
  const plain = { call: bought.call_id, receipt: bought.receipt_id, listing: wiki.id, keyId }
  const routes: [string, string, unknown, unknown?][] = [
    ['GET', '/v1/calls/$', plain.call],
    ['GET', '/v1/calls/$/body', plain.call],
    ['GET', '/v1/receipts/$', plain.receipt],
    ['POST', '/v1/keys/$/rotate', plain.keyId],
    ['DELETE', '/v1/keys/$', plain.keyId],
    ['GET', '/v1/listings/$', plain.listing],
    ['PATCH', '/v1/listings/$', plain.listing, { title: 'Mine' }],
    ['DELETE', '/v1/listings/$', plain.listing],
    ['POST', '/v1/listings/$/test', plain.listing, {}],
    ['POST', '/v1/listings/$/publish', plain.listing],
    ['POST', '/v1/listings/$/pause', plain.listing],
    ['PUT', '/v1/listings/$/credential', plain.listing, { type: 'bearer', token: 'long-enough' }],
    ['GET', '/v1/endpoints/$', endpoint!.endpoint_id],
  ]
  for (const [method, path, id, body] of routes) {
    const unknown = `${String(id).slice(0, -4)}0000`
    const [theirs, none] = await Promise.all(
      [String(id), unknown].map((it) =>
        world.rest(method, path.replace('$', it), stranger.key, body),
      ),
    )
    expect(theirs!.status, `${method} ${path}`).toBe(404)
    const said = ({ json }: Answered) =>
      JSON.stringify({ ...json, trace_id: '' }).replaceAll(String(id), unknown)
    expect(said(theirs!)).toBe(said(none!))
  }
  const { json } = await world.rest('GET', `/v1/listings/${wiki.id}`, seller.key)
  expect(json).toMatchObject({ status: 'published', title: 'Acme wiki' })
})

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

test('what the operator does is for nobody else, whatever id is named', async () => {
  const { world, buyer, stranger, wiki } = bazaar
  const routes: [string, string, unknown?][] = [
    ['GET', '/v1/accounts'],
    ['PATCH', `/v1/accounts/${stranger.id}`, { allow: {} }],
    ['POST', `/v1/accounts/${stranger.id}/suspend`, { reason: 'x' }],
    ['POST', `/v1/accounts/${buyer.id}/resume`, {}],
    ['GET', '/v1/operator/listings'],
    ['POST', `/v1/operator/listings/${wiki.id}/suspend`, { reason: 'x' }],
    ['POST', `/v1/operator/listings/${wiki.id}/resume`, {}],
    ['GET', '/v1/operator/audit'],
    ['POST', '/v1/invites', {}],
  ]
  for (const [method, path, body] of routes) {
    const { status, json } = await world.rest(method, path, stranger.key, body)
    expect([status, json.code], `${method} ${path}`).toEqual([403, 'forbidden'])
  }
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
