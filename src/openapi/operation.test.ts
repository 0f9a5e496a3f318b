import { expect, test } from 'vitest'
import { endpointOf, query } from '../../test/support/an-openapi-document.js'

test('tags are taken over, at most ten', () => {
  const tags = ['Pets', 'Pets', 7, ' two\nlines ', ...Array.from({ length: 12 }, (_, i) => `t${i}`)]
  const given = endpointOf({ tags }).endpoint.tags
  expect(given).toHaveLength(10)
  expect(given?.slice(0, 3)).toEqual(['Pets', 'two lines', 't0'])
  expect(endpointOf({ tags: 'Pets' }).endpoint).not.toHaveProperty('tags')
})

test('an example that could not be sent is no example', () => {
  const integer = { type: 'integer' }
  const wrong = query('a', integer, { example: '7' })
  expect(endpointOf({ parameters: [wrong] }).endpoint).not.toHaveProperty('example')
  const missing = query('b', integer, { required: true })
  const good = query('a', integer, { example: 7 })
  expect(endpointOf({ parameters: [good, missing] }).endpoint).not.toHaveProperty('example')
  expect(endpointOf({ parameters: [good] }).endpoint.example).toEqual({ arguments: { a: 7 } })
})

test('texts lose characters that people do not see, and their excess', () => {
  const summary = `Buy\u200b me\u202e ${'x'.repeat(200)}`
  const { title } = endpointOf({ summary }).endpoint
  expect(title).toMatch(/^Buy me x+…$/)
  expect(title).toHaveLength(120)
})
