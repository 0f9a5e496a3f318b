import { expect, test } from 'vitest'
import type { EndpointDefinition } from './listing.js'
import { changesBetween } from './version-changes.js'

const definition: EndpointDefinition = {
  title: 'Search',
  description: 'Finds things.',
  method: 'GET',
  path: '/search',
  base_url: 'https://wiki.example',
  input_schema: { type: 'object', properties: { q: { type: 'string' } } },
  price: { model: 'per_call', amount: '0.001' },
  success: { status: '2xx' },
  requires_approval: false,
}

test.each<[string, Partial<EndpointDefinition>]>([
  ['title', { title: 'Find' }],
  ['description', { description: 'Finds.' }],
  ['backend', { method: 'POST', path: '/find', base_url: 'https://other.example' }],
  ['input_schema', { input_schema: { type: 'object' } }],
  ['output_schema', { output_schema: {} }],
  ['example', { example: { arguments: {} } }],
  ['tags', { tags: ['wiki'] }],
  ['price', { price: { model: 'per_call', amount: '0.002' } }],
  ['success_rule', { success: { status: 200 } }],
  ['requires_approval', { requires_approval: true }],
])('a version says that it changed its %s, and nothing else', (name, change) => {
  expect(changesBetween(definition, { ...definition, ...change })).toEqual([name])
})

test('several changes are named in the order of a description', () => {
  const changed = { ...definition, price: { model: 'free' as const, daily_cap: 5 }, title: 'Find' }
  expect(changesBetween(definition, changed)).toEqual(['title', 'price'])
})

test('a definition that says the same in another order changed nothing', () => {
  const same = { properties: { q: { type: 'string' } }, type: 'object' }
  expect(changesBetween(definition, { ...definition, input_schema: same })).toEqual([])
})
