import { expect, test } from 'vitest'
import { parseUsdc } from '#core/money'
import { anOffer, aPrincipal } from '../../test/support/an-offer.js'
import type { Order, ShapedRequest } from './call.js'
import { quoteFor, type StoredQuote } from './quotes.js'
import { requestHash } from './shape.js'

const request: ShapedRequest = {
  dispatch: {
    kind: 'http',
    request: { method: 'GET', url: 'https://wiki.example/search', headers: {} },
  },
  hash: requestHash('wiki.search', 3, { q: 'tea' }),
}
const promised: StoredQuote = {
  id: 'quote_1',
  endpointId: 'wiki.search',
  version: 3,
  requestHash: request.hash,
}

function anOrder(changes: Partial<Order> = {}): Order {
  return { principal: aPrincipal(), endpointId: 'wiki.search', arguments: { q: 'tea' }, ...changes }
}

const metered = anOffer({
  terms: {
    model: 'per_unit',
    unit: 'word',
    amount: '0.001',
    quantity: '/words',
    max_quantity: 250,
  },
})

test('the most that a call costs is that of its largest quantity, fee included', () => {
  expect(quoteFor(metered, request, anOrder(), undefined)).toEqual({
    maxCharge: parseUsdc('0.25'),
    maxFee: parseUsdc('0.0125'),
    maxTotal: parseUsdc('0.2625'),
    id: undefined,
  })
})

test('max_price lets a call through that costs at most exactly as much', () => {
  quoteFor(metered, request, anOrder({ maxPrice: '0.2625' }), undefined)
  expect(() => quoteFor(metered, request, anOrder({ maxPrice: '0.262499999' }), undefined)).toThrow(
    expect.objectContaining({ code: 'price_exceeds_max', facts: { max_total: '0.2625' } }),
  )
})

test('max_price of nothing lets only free calls through', () => {
  const order = anOrder({ maxPrice: '0' })
  quoteFor(anOffer({ terms: { model: 'free' } }), request, order, undefined)
  expect(() => quoteFor(anOffer(), request, order, undefined)).toThrow(
    expect.objectContaining({ code: 'price_exceeds_max' }),
  )
})

test('max_price must be an amount', () => {
  for (const maxPrice of ['', '-1', '1e3', 'cheap']) {
    expect(() => quoteFor(metered, request, anOrder({ maxPrice }), undefined)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    )
  }
})

test('a promised quote is used for exactly the request that it was made for', () => {
  expect(quoteFor(metered, request, anOrder(), promised).id).toBe('quote_1')
  const other = { ...request, hash: requestHash('wiki.search', 3, { q: 'coffee' }) }
  expect(() => quoteFor(metered, other, anOrder(), promised)).toThrow(
    expect.objectContaining({ code: 'quote_mismatch' }),
  )
})

test('the hash of a request is that of its canonical JSON, whatever the order of its members', () => {
  expect(requestHash('a.b', 1, { x: 1, y: [2] })).toBe(requestHash('a.b', 1, { y: [2], x: 1 }))
  const others = [
    requestHash('a.b', 1, { x: 1 }),
    requestHash('a.b', 2, { x: 1 }),
    requestHash('a.b', null, { x: 1 }),
    requestHash('a.c', 1, { x: 1 }),
    requestHash('a.b', 1, { x: '1' }),
  ]
  expect(new Set(others).size).toBe(others.length)
})
