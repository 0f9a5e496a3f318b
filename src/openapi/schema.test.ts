import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkSchemaShape } from '#schemas'
import {
  document,
  endpointOf,
  jsonBody,
  type Members,
  query,
  read,
} from '../../test/support/an-openapi-document.js'

describe('schemas', () => {
  function converted(schema: unknown, components: Members = {}) {
    const { endpoint, warnings } = endpointOf(
      { parameters: [query('q', schema)] },
      { ...components },
    )
    const { 'x-in': _, ...rest } = (endpoint.input_schema.properties as Members).q as Members
    return { schema: rest, warnings }
  }

  test.each([
    [
      { type: 'string', nullable: true, enum: ['a'] },
      { type: ['string', 'null'], enum: ['a', null] },
    ],
    [{ nullable: true, anyOf: [{}] }, { anyOf: [{ anyOf: [{}] }, { type: 'null' }] }],
    [
      { type: 'number', maximum: 5, exclusiveMaximum: true },
      { type: 'number', exclusiveMaximum: 5 },
    ],
    [
      { type: 'number', minimum: 5, exclusiveMinimum: false },
      { type: 'number', minimum: 5 },
    ],
    [{ type: 'file', minLength: '3', enum: 'a', required: true }, {}],
    [{ type: ['string', 'string', 'null'] }, { type: ['string', 'null'] }],
    [
      { type: 'string', pattern: '^[a-z]+$', xml: {}, 'x-y': 1 },
      { type: 'string', pattern: '^[a-z]+$' },
    ],
    [true, {}],
  ])('%j becomes %j', (given, expected) => {
    expect(converted(given).schema).toEqual(expected)
  })

  test('a pattern that cannot run in linear time is dropped with a warning', () => {
    const { schema, warnings } = converted({ type: 'string', pattern: '^(?=a)' })
    expect(schema).toEqual({ type: 'string' })
    expect(warnings).toEqual([expect.stringContaining('linear time')])
  })

  test('a reference outside the document accepts anything, with a warning', () => {
    const { schema, warnings } = converted({ allOf: [{ $ref: 'https://x.test/s.json' }] })
    expect(schema).toEqual({ allOf: [{}] })
    expect(warnings).toHaveLength(1)
  })

  test('references that double at every level are cut to fit the limits', () => {
    const schemas: Members = {}
    for (let i = 0; i < 60; i++) {
      const next = { $ref: `#/components/schemas/s${i + 1}` }
      schemas[`s${i}`] = { type: 'object', properties: { a: next, b: next, c: next } }
    }
    const components = { schemas: { ...schemas, s60: { type: 'string' } } }
    const root = { $ref: '#/components/schemas/s0' }
    const responses = { '200': { content: { 'application/json': { schema: root } } } }
    const { endpoint } = endpointOf(
      { ...jsonBody(root), responses },
      { method: 'post', ...{ components } },
    )
    expect(() => checkSchemaShape(endpoint.input_schema, 'a')).not.toThrow()
    expect(endpoint.output_schema).toBeDefined()
  })

  test('whatever is nested in a schema, it stays within the limits', () => {
    const nullable = (schema: unknown) => ({ nullable: true, allOf: [schema] })
    let deep: unknown = { default: { a: [{}] }, enum: [{ a: { b: 1 } }], nullable: true }
    for (let i = 0; i < 20; i++)
      deep = nullable({ properties: { a: deep, [`b${i}`]: { items: deep } } })
    const wide = Object.fromEntries(
      Array.from({ length: 3_000 }, (_, i) => [`m${i}`, { type: ['string', 'null'], enum: ['a'] }]),
    )
    const pattern = `^(${'[a-z]{1,50}|'.repeat(20)}b)$`
    const patterns = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`p${i}`, { type: 'string', pattern }]),
    )
    for (const properties of [{ deep }, wide, { wide: { properties: wide } }, patterns]) {
      const { leftOut, listing } = read(
        document({ '/a': { post: jsonBody({ type: 'object', properties }) }, '/b': { get: {} } }),
      )
      for (const { input_schema: schema, slug } of listing.endpoints) {
        expect(() => checkSchemaShape(schema, slug)).not.toThrow()
      }
      for (const { message } of leftOut) expect(message).toContain('limits on schemas')
    }
  })

  test('members named like those of every object stay plain members', () => {
    const body = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}}}',
    )
    const { endpoint } = endpointOf(jsonBody(body), { method: 'post' })
    expect(Object.keys(endpoint.input_schema.properties as Members)).toEqual(['constructor'])
  })

  const name = fc.constantFrom('A', 'B', 'C', 'D')
  const part = fc.letrec((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3 },
      name.map((it) => ({ $ref: `#/components/schemas/${it}` })),
      fc.constantFrom({ type: 'string' }, { type: 'integer', nullable: true }, {}),
      fc.record({ properties: fc.dictionary(name, tie('schema'), { maxKeys: 3 }) }),
      fc.record({ nullable: fc.boolean(), allOf: fc.array(tie('schema'), { maxLength: 2 }) }),
      fc.record({ type: fc.constant('array'), items: tie('schema') }),
    ),
  })).schema

  test('no schema depends on which operations stand before, however references go round', () => {
    const graph = fc.record({ A: part, B: part, C: part, D: part })
    fc.assert(
      fc.property(graph, fc.array(part, { minLength: 3, maxLength: 6 }), (schemas, bodies) => {
        const operations = bodies.map((schema, i): [string, Members] => {
          const responses = { 200: { content: { 'application/json': { schema } } } }
          return [`/${i}`, { post: { ...jsonBody(schema), responses } }]
        })
        const inOrder = (entries: [string, Members][]) => {
          const given = document(Object.fromEntries(entries), { components: { schemas } })
          return new Map(read(given).listing.endpoints.map((it) => [it.slug, it]))
        }
        const [one, other] = [inOrder(operations), inOrder([...operations].reverse())]
        expect(other).toEqual(one)
        for (const { input_schema: schema, slug } of one.values()) checkSchemaShape(schema, slug)
      }),
      { numRuns: 300 },
    )
  })

  test('how deep a part is written out depends on where it stands, not on where it stood before', () => {
    const at = (i: number) => ({ $ref: `#/components/schemas/s${i}` })
    const schemas = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`s${i}`, { properties: { a: at(i + 1) } }]),
    )
    const body = (schema: unknown) => ({ post: jsonBody({ properties: { x: schema } }) })
    const operations: [string, Members][] = [
      ...[0, 0, 0].map((i, n): [string, Members] => [`/high/${n}`, body(at(i))]),
      ...[5, 5, 5].map((i, n): [string, Members] => [`/low/${n}`, body(at(i))]),
    ]
    const slugged = (entries: [string, Members][]) => {
      const given = document(Object.fromEntries(entries), { components: { schemas } })
      return new Map(read(given).listing.endpoints.map((it) => [it.slug, it.input_schema]))
    }
    expect(slugged([...operations].reverse())).toEqual(slugged(operations))
  })
})
