import { describe, expect, test } from 'vitest'
import { attributionIn } from './attribution.js'

describe('the tag of a request', () => {
  test.each([
    [{ 'x-souk-tag': 'team a/42' }, 'team a/42'],
    [{ 'x-aig-tag': 'mcp.search_wiki' }, 'mcp.search_wiki'],
    [{ 'x-aig-tag': 'alias', 'x-souk-tag': 'own' }, 'own'],
    [{ 'x-aig-tag': 'alias', 'x-souk-tag': '' }, 'alias'],
    [{ 'x-souk-tag': 'x'.repeat(100) }, 'x'.repeat(100)],
    [{}, undefined],
  ])('of %o is %s', (headers, tag) => {
    expect(attributionIn(headers).tag).toBe(tag)
  })

  test.each([
    ['x-souk-tag', 'x'.repeat(101)],
    ['x-aig-tag', 'caf\u00e9'],
    ['x-souk-tag', 'a\tb'],
  ])('is refused, by its name, where %s is %j', (name, value) => {
    expect(() => attributionIn({ [name]: value })).toThrow(new RegExp(`^${name} must be`))
  })
})

test('the trace of a request is passed on as it came', () => {
  expect(attributionIn({ 'x-souk-trace': 'call_1.a.b' }).trace).toBe('call_1.a.b')
  expect(attributionIn({}).trace).toBeUndefined()
})
