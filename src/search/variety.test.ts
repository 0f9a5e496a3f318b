import { expect, test } from 'vitest'
import { varied } from './variety.js'

const result = (document: number, score: number, clause = 0) => ({ document, clause, score })
const documents = (ranked: { document: number }[]) => ranked.map(({ document }) => document)
const different = { likenessOf: (document: number) => document, listingOf: (it: number) => it }

test('results of one clause that differ stay in their order', () => {
  const ranked = [result(1, 9), result(2, 8.9), result(3, 2)]
  expect(documents(varied(ranked, different))).toEqual([1, 2, 3])
})

test('each clause gets a place before another one has many', () => {
  const ranked = [result(1, 9, 0), result(2, 8.9, 0), result(3, 8.8, 0), result(4, 8.7, 1)]
  expect(documents(varied(ranked, different))).toEqual([1, 4, 2, 3])
})

test('where there is one clause, a listing does not fill the page with what is hardly better', () => {
  const ranked = [result(1, 9), result(2, 8.9), result(3, 8.8)]
  const listingOf = (document: number) => (document === 3 ? 3 : 0)
  expect(documents(varied(ranked, { ...different, listingOf }))).toEqual([1, 3, 2])
})

test('what is alike gives way to what is nearly as good', () => {
  const ranked = [result(1, 9), result(2, 8.9), result(3, 7)]
  expect(
    documents(varied(ranked, { ...different, likenessOf: (it) => (it === 3 ? 3 : 0) })),
  ).toEqual([1, 3, 2])
})

test('nothing is lost or added, however many there are', () => {
  const ranked = Array.from({ length: 300 }, (_, n) => result(n, 300 - n, n % 3))
  const order = documents(varied(ranked, { ...different, likenessOf: (it) => it % 7 }))
  expect(order.toSorted((a, b) => a - b)).toEqual(documents(ranked))
  expect(order.slice(40)).toEqual(documents(ranked).slice(40))
})
