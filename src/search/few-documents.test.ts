import { expect, test } from 'vitest'
import { nanos } from '#core/money'
import { aDocument, aStanding } from '../../test/contract/search-documents.js'
import { findAmongFew, readFew } from './few-documents.js'
import type { SearchQuery } from './search.js'

const orders = aDocument('shop.find-order', {
  title: 'Find an order',
  description: 'Looks an order up by its number.',
  category: 'orders',
  maxTotal: nanos(1_000n),
})
const customers = aDocument('crm.list-customers', {
  title: 'List customers',
  description: 'All customers with the orders that they made.',
  sellerId: 'acct_2',
})
const documents = [customers, orders].map(readFew)

const find = (query: Partial<SearchQuery>, ...known: Parameters<typeof aStanding>[]) => {
  const standings = new Map(known.map(([id, fields]) => [id, aStanding(id, fields)]))
  const found = findAmongFew(documents, { limit: 1, ...query }, (id) => standings.get(id))
  return found.map(({ endpointId }) => endpointId)
}

test('without a word all are found, in the order of their ids', () => {
  expect(find({})).toEqual(['crm.list-customers', 'shop.find-order'])
  expect(find({ query: 'what can you do for me?' })).toHaveLength(2)
})

test('what a word stands for most strongly comes first', () => {
  expect(find({ query: 'orders' })).toEqual(['shop.find-order', 'crm.list-customers'])
})

test('half of the words are enough, less are not', () => {
  expect(find({ query: 'order weather' })).toHaveLength(2)
  expect(find({ query: 'customers weather berlin' })).toEqual([])
})

test('a word is found in all its forms and by what it means', () => {
  expect(find({ query: 'customer' })).toEqual(['crm.list-customers'])
  const repository = readFew(aDocument('git.repository'))
  expect(findAmongFew([repository], { limit: 1, query: 'repo' })).toEqual([repository])
})

test('filters are exact', () => {
  expect(find({ category: 'orders' })).toEqual(['shop.find-order'])
  expect(find({ seller: 'acct_2' })).toEqual(['crm.list-customers'])
  expect(find({ maxPrice: nanos(999n) })).toEqual(['crm.list-customers'])
  expect(find({ only: new Set(['shop']) })).toEqual(['shop.find-order'])
  const rated = { rating: 4, ratings: 3, uptime: 0.9 }
  expect(find({ minRating: 4 }, ['shop.find-order', rated])).toEqual(['shop.find-order'])
  expect(find({ minUptime: 0.95 }, ['shop.find-order', rated])).toEqual([])
})
