import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileSchema, createSchemaCheck } from './compile.js'
import { isPlainSchema, type JsonSchema, schemaFaults } from './schemas.js'

const faultOf = createSchemaCheck()

/** What the prover does with a schema, without its thread. */
function proof(schema: JsonSchema): string | undefined {
  const reason = faultOf(schema)
  if (reason !== undefined) return reason
  try {
    compileSchema(schema)({})
    return undefined
  } catch (error) {
    return String(error)
  }
}

const KEYWORDS = [
  ...['type', 'enum', 'const', 'multipleOf', 'maximum', 'minimum', 'exclusiveMaximum'],
  ...['exclusiveMinimum', 'maxLength', 'minLength', 'maxItems', 'minItems', 'maxProperties'],
  ...['minProperties', 'uniqueItems', 'format', 'required', 'pattern', 'items', 'not', 'allOf'],
  ...['anyOf', 'oneOf', 'prefixItems', 'properties', 'additionalProperties', '$ref', 'if', 'then'],
  ...['contains', 'dependentRequired', 'dependencies', 'patternProperties', 'propertyNames'],
  ...['unevaluatedItems', 'description', 'x-in', 'title', 'nullable', '$defs', '$id', 'steps'],
]

/** Values of which some fit each keyword, and most do not. */
const aLeaf = fc.oneof(
  fc.constantFrom('string', 'object', 'array', 'integer', 'date-time', 'uuid', 'odd', 'path', '#'),
  fc.constantFrom('^a+$', '(', '(?=a)', '[a-z]{3}', '(a{9}){9}', '\\p{L}'),
  fc.constantFrom(0, 1, -1, 2.5, Number.NaN, 1e300, true, false, null),
  fc.array(fc.constantFrom('string', 'null', 'a', 'a', 1), { maxLength: 3 }),
)

const { schema: aSchema } = fc.letrec<{ schema: JsonSchema; value: unknown }>((tie) => ({
  schema: fc.dictionary(fc.constantFrom(...KEYWORDS), tie('value'), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { arbitrary: aLeaf, weight: 3 },
    { arbitrary: tie('schema'), weight: 2 },
    { arbitrary: fc.array(tie('schema'), { maxLength: 3 }), weight: 1 },
    {
      arbitrary: fc.dictionary(fc.constantFrom('a', 'b'), tie('schema'), { noNullPrototype: true }),
      weight: 1,
    },
  ),
}))

describe('a plain schema', () => {
  test('passes every proof, whatever strangers write', () => {
    let plain = 0
    fc.assert(
      fc.property(aSchema, (schema) => {
        if (schemaFaults(schema).length > 0 || !isPlainSchema(schema)) return
        plain++
        expect(proof(schema)).toBeUndefined()
      }),
      { numRuns: 1_000 },
    )
    expect(plain).toBeGreaterThan(50)
  })

  test.each<[string, JsonSchema]>([
    ['a reference', { properties: { a: { $ref: '#' } } }],
    ['a condition', { if: { type: 'string' } }],
    ['names by pattern', { patternProperties: { '^a': {} } }],
    ['a type that there is not', { properties: { a: { type: 'text' } } }],
    ['an empty list of alternatives', { anyOf: [] }],
    ['a bound that is no number', { items: { minimum: '1' } }],
    ['a name required twice', { required: ['a', 'a'] }],
    ['a member that is no schema', { properties: { a: 1 } }],
    ['a pattern that needs look-around', { pattern: '(?=a)b' }],
  ])('is none with %s', (_, schema) => {
    expect(isPlainSchema(schema)).toBe(false)
  })

  test('is one with descriptions, places, formats and short patterns', () => {
    const text = { type: ['string', 'null'], format: 'date', pattern: '^[0-9-]+$', 'x-in': 'query' }
    const list = { type: 'array', items: { anyOf: [text, { type: 'number', minimum: 0 }] } }
    const schema = { type: 'object', required: ['a'], properties: { a: text, b: list }, title: 'A' }
    expect(isPlainSchema(schema)).toBe(true)
  })

  test('compiles also when it is as large as any', () => {
    const member = { type: 'string', minLength: 1 }
    const wide = Object.fromEntries(Array.from({ length: 1_200 }, (_, i) => [`m${i}`, member]))
    const schema = { properties: wide }
    expect(schemaFaults(schema)).toEqual([])
    expect(isPlainSchema(schema)).toBe(true)
    expect(proof(schema)).toBeUndefined()
  })
})
