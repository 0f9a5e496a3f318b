import { describe, expect, test } from 'vitest'
import type { Offer } from '#catalogue'
import { anAnswer, anOffer } from '../../test/support/an-offer.js'
import { judge } from './judge.js'
import { asPromised } from './promised.js'

/** What the schema of these tests says: an object with a whole number n. */
function faultsOf(_: Offer, value: unknown) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [{ path: '', message: 'must be object' }]
  }
  if (!('n' in value)) return [{ path: '/n', message: 'is required' }]
  return Number.isInteger(value.n) ? [] : [{ path: '/n', message: 'must be integer' }]
}

const catalogue = { validateAnswer: faultsOf }

const TARGETS: Record<'tool' | 'mcp' | 'code', Offer['target']> = {
  tool: { kind: 'tool', url: 'https://wiki.example' },
  mcp: { kind: 'mcp', server: 'wiki', tool: 'search' },
  code: { kind: 'code', name: 'search' },
}

function verdictOn(kind: keyof typeof TARGETS | 'http', ...answered: Parameters<typeof anAnswer>) {
  const target = kind === 'http' ? anOffer().target : TARGETS[kind]
  const offer = anOffer({ target, output: { schema: {}, hash: '' } })
  const answer = anAnswer(...answered)
  return asPromised({ catalogue }, { offer, answer, verdict: judge(offer, answer) })
}

describe('an answer that is not what output_schema says', () => {
  test.each([
    ['tool', '{"n":"1"}', /does not fit output_schema: \/n must be integer/],
    ['tool', '{}', /\/n is required/],
    ['tool', '[1]', /must be object/],
    ['tool', 'tea', /not JSON/],
    ['tool', '['.repeat(100) + ']'.repeat(100), /not JSON/],
    ['code', '{"n":"1"}', /does not fit/],
    ['mcp', '{"content":[],"structuredContent":{"n":"1"}}', /does not fit/],
    ['mcp', '{"content":[]}', /must be object/],
  ] as const)('of a %s is not delivered: %s', (kind, body, message) => {
    const verdict = verdictOn(kind, body)
    expect(verdict).toMatchObject({ delivered: false, code: 'upstream_failed' })
    expect(verdict).toHaveProperty('message', expect.stringMatching(message))
  })

  test('of an HTTP API is delivered all the same', () => {
    expect(verdictOn('http', 'tea')).toMatchObject({ delivered: true })
  })
})

describe('an answer that fits', () => {
  test.each([
    ['tool', '{"n":1}'],
    ['tool', '{"n":1,"more":true}'],
    ['code', '{"n":1}'],
    ['mcp', '{"content":[],"structuredContent":{"n":1}}'],
  ] as const)('of a %s is delivered: %s', (kind, body) => {
    expect(verdictOn(kind, body)).toMatchObject({ delivered: true })
  })
})

test('an answer that was cut is not delivered, but for HTTP APIs', () => {
  const cut = { truncated: true }
  expect(verdictOn('tool', '{"n":1}', cut)).toMatchObject({ delivered: false })
  expect(verdictOn('http', '{"n":1}', cut)).toMatchObject({ delivered: true })
})

test('what the success rule refuses keeps its own reason', () => {
  const verdict = verdictOn('tool', 'tea', { status: 500 })
  expect(verdict).toMatchObject({ message: expect.stringMatching(/status 500/) })
})
