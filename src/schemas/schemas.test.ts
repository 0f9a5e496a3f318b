import { describe, expect, test } from 'vitest'
import { sha256Hex } from '#core/canonical-json'
import { Problem } from '#core/problem'
import { checkSchemaShape, createValidators, type JsonSchema, schemaFaults } from './schemas.js'

const validators = createValidators()

function validate(schema: JsonSchema, value: unknown) {
  checkSchemaShape(schema, 'test')
  return validators.for(schema, sha256Hex(JSON.stringify(schema)))(value)
}

function object(properties: JsonSchema, more: JsonSchema = {}): JsonSchema {
  return { type: 'object', properties, ...more }
}

function problemOf(act: () => unknown): Problem {
  try {
    act()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('nothing was refused')
}

function refusal(schema: unknown): Problem {
  return problemOf(() => checkSchemaShape(schema, 'endpoints.a.input_schema'))
}

function nested(depth: number): JsonSchema {
  let schema: JsonSchema = { type: 'string' }
  for (let i = 1; i < depth; i++) schema = { not: schema }
  return object({ a: schema })
}

describe('the shape of a schema', () => {
  test('an ordinary schema, of draft 7 too, is accepted', () => {
    expect(() =>
      checkSchemaShape(
        object(
          { a: { $ref: '#/definitions/id', 'x-in': 'query' }, b: true },
          {
            $schema: 'http://json-schema.org/draft-07/schema#',
            $id: 'https://example.com/a.json',
            definitions: { id: { type: 'string', pattern: '^[a-z]{2,8}$' } },
          },
        ),
        'a',
      ),
    ).not.toThrow()
  })

  test.each([
    ['null', null, 'must be a schema'],
    ['a list', [], 'must be a schema'],
    ['no type', { properties: {} }, '"type": "object"'],
    ['a list of types', { type: ['object'] }, '"type": "object"'],
    ['properties that are a list', { type: 'object', properties: [] }, 'must be an object'],
    ['a property that is no schema', object({ a: 'string' }), 'must be a schema'],
    ['an unknown place', object({ a: { 'x-in': 'trailer' } }), 'path, query, header, cookie, body'],
    ['an unknown style', object({ a: { 'x-style': 'csv' } }), 'simple, label, matrix, form'],
    ['an unknown whole body', object({ a: { 'x-body': 'xml' } }), 'json, text, base64'],
    ['an explode that is text', object({ a: { 'x-explode': 'yes' } }), 'true or false'],
    ['a file that is text', object({ a: { 'x-file': 'yes' } }), 'true or false'],
    ['reserved that is text', object({ a: { 'x-allow-reserved': 1 } }), 'true or false'],
    ['no media type', { ...object({}), 'x-media-type': 'json' }, 'such as application/json'],
    ['a media type of two lines', { ...object({}), 'x-media-type': 'a/b\r\nc: d' }, 'such as'],
    ['an empty name', object({ a: { 'x-name': '' } }), '1 to 512 characters'],
    ['a remote reference', object({ a: { $ref: 'https://example.com/s' } }), 'local reference'],
    ['a reference to a file', object({ a: { $ref: 'common.json#/a' } }), 'local reference'],
    ['a dangling reference', object({ a: { $ref: '#/$defs/b' } }), 'local reference'],
    ['a reference up the prototype', object({ a: { $ref: '#/constructor' } }), 'local reference'],
    ['a malformed reference', object({ a: { $ref: '#/%zz' } }), 'local reference'],
    ['a dynamic reference', object({ a: { $dynamicRef: '#a' } }), 'not supported'],
    ['a member named __proto__', JSON.parse('{"type":"object","__proto__":{}}'), '__proto__'],
    ['too deep', nested(40), 'nested deeper'],
    [
      'too many nodes',
      object(Object.fromEntries(Array.from({ length: 2_001 }, (_, i) => [i, {}]))),
      '2000 nodes',
    ],
    ['too long', object({ a: { description: 'x'.repeat(70_000) } }), '65536 bytes'],
    ['too long in UTF-8', object({ a: { description: 'é'.repeat(40_000) } }), '65536 bytes'],
  ])('%s is refused', (_, schema, reason) => {
    const problem = refusal(schema)
    expect(problem.code).toBe('invalid_request')
    expect(problem.message).toContain('endpoints.a.input_schema')
    expect(problem.message).toContain(reason)
    expect(problem.facts.paths).toEqual([
      { path: expect.any(String), message: expect.stringContaining(reason) },
    ])
  })

  test.each([
    ['a back-reference', '(a)\\1'],
    ['a named back-reference', '(?<x>a)\\k<x>'],
    ['a look-ahead', '^(?=a)b'],
    ['a negative look-ahead', '^(?!a)b'],
    ['a look-behind', '(?<=a)b'],
    ['a repeat that explodes', '(((a{100}){100}){100}){100}'],
    ['a long repeat of repeats', '([a-z]{1,900}x){1,900}'],
    ['a quotation that hides a repeat', '\\Q[\\E(a{1000}){1000}]'],
    ['no pattern at all', '(['],
  ])('a pattern with %s is refused and named', (_, pattern) => {
    const problem = refusal(object({ a: { type: 'string', pattern } }))
    expect(problem.message).toContain(JSON.stringify(pattern))
    expect(problem.message).toContain('linear time')
    expect(problem.facts.paths).toMatchObject([{ path: '/properties/a/pattern' }])
  })

  test('a pattern in patternProperties is checked like any other', () => {
    const schema = object({ a: { patternProperties: { '(?=a/b)': {} } } })
    expect(refusal(schema).facts.paths).toMatchObject([
      { path: '/properties/a/patternProperties/(?=a~1b)' },
    ])
  })

  test('many patterns may not together be what one may not be', () => {
    const properties = Object.fromEntries(
      Array.from({ length: 900 }, (_, i) => [`p${i}`, { pattern: '^[a-z]{1,900}$' }]),
    )
    expect(refusal(object(properties)).message).toContain('too large together')
  })

  test('data inside a schema is not read as a schema', () => {
    const data = { $ref: 'https://example.com', pattern: '(?=a)', $id: 7, 'x-in': 'moon' }
    const schema = object({ a: { enum: [data], default: data, example: data, examples: [data] } })
    expect(schemaFaults(schema)).toEqual([])
    expect(validate(schema, { a: data })).toEqual([])
  })

  test('shared and circular objects end at the limits', () => {
    let bomb: JsonSchema = { type: 'string', description: 'x'.repeat(1_000) }
    for (let i = 0; i < 24; i++) bomb = { allOf: [bomb, bomb, bomb] }
    const circle: JsonSchema = { type: 'object' }
    circle.not = circle
    expect(refusal(object({ bomb })).code).toBe('invalid_request')
    expect(refusal(circle).code).toBe('invalid_request')
  })
})

/** Each definition leads twice to the next: 2^n paths through n definitions. */
function doubling(keyword: 'allOf' | 'anyOf', length: number, leaf = {}): JsonSchema {
  const definitions: JsonSchema = { [`d${length}`]: leaf }
  for (let i = 0; i < length; i++) {
    const next = { $ref: `#/$defs/d${i + 1}` }
    definitions[`d${i}`] = { [keyword]: [next, next] }
  }
  return definitions
}

describe('checking a value', () => {
  const search = object(
    {
      q: { type: 'string', minLength: 1 },
      limit: { type: 'integer', minimum: 1, maximum: 100 },
      unit: { enum: ['c', 'f'] },
      'a/b': { type: 'boolean' },
    },
    { required: ['q'] },
  )

  test('a valid value has no faults', () => {
    expect(validate(search, { q: 'a', limit: 3, unit: 'c', 'a/b': true })).toEqual([])
  })

  test('each failing path is named, in words', () => {
    const value = { limit: 'ten', unit: 'k', 'a/b': 1, constructor: 1 }
    expect(validate(search, value)).toEqual([
      { path: '/constructor', message: 'is not declared' },
      { path: '/q', message: 'is required' },
      { path: '/limit', message: 'must be integer' },
      { path: '/unit', message: 'must be one of "c", "f"' },
      { path: '/a~1b', message: 'must be boolean' },
    ])
    expect(validate(search, 'text')).toEqual([{ path: '', message: 'must be object' }])
  })

  test('the value is never changed: no defaults, no conversion', () => {
    const value = { n: '7' }
    const schema = object({ n: { type: 'number' }, m: { default: 1 } })
    expect(validate(schema, value)).toEqual([{ path: '/n', message: 'must be number' }])
    expect(value).toEqual({ n: '7' })
  })

  test('an undeclared member is a fault even where additional ones are allowed', () => {
    const schema = object({ a: {} }, { additionalProperties: true, patternProperties: { x: {} } })
    expect(validate(schema, { a: 1, x: 2 })).toEqual([{ path: '/x', message: 'is not declared' }])
    expect(validate({ type: 'object' }, { a: 1 })).toHaveLength(1)
    const closed = object({ a: {} }, { additionalProperties: false })
    expect(validate(closed, { b: 1 })).toEqual([{ path: '/b', message: 'is not declared' }])
  })

  test('members that every object inherits count only when they are there', () => {
    const schema = object({ constructor: { type: 'string' }, toString: { type: 'string' } })
    expect(validate(schema, {})).toEqual([])
    const required = { ...schema, required: ['constructor'] }
    expect(validate(required, {})).toEqual([{ path: '/constructor', message: 'is required' }])
    const value = JSON.parse('{"__proto__": {"polluted": true}}')
    expect(validate(schema, value)).toEqual([{ path: '/__proto__', message: 'is not declared' }])
    expect(({} as JsonSchema).polluted).toBeUndefined()
  })

  test('a circular local reference works at any depth of the value', () => {
    const tree = object(
      { root: { $ref: '#/$defs/node' } },
      {
        $defs: {
          node: object({
            name: { type: 'string' },
            children: { type: 'array', items: { $ref: '#/$defs/node' } },
          }),
        },
      },
    )
    const value = { root: { name: 'a', children: [{ name: 'b', children: [{ name: 7 }] }] } }
    expect(validate(tree, value)).toEqual([
      { path: '/root/children/0/children/0/name', message: 'must be string' },
    ])
  })

  test('tuples and dependencies of draft 7 keep their meaning', () => {
    const schema = object(
      { pair: { type: 'array', items: [{ type: 'string' }, {}], additionalItems: false }, a: {} },
      { dependencies: { a: ['pair'] } },
    )
    expect(validate(schema, { a: 1, pair: ['x', 1] })).toEqual([])
    expect(validate(schema, { pair: [1, 1, 1] }).map(({ path }) => path)).toEqual([
      '/pair/0',
      '/pair',
    ])
    expect(validate(schema, { a: 1 })).toHaveLength(1)
  })

  test.each([
    ['date', '2024-02-29', '2023-02-29'],
    ['date-time', '2024-02-29T10:00:00Z', '2024-02-29 25:00'],
    ['email', 'a.b@example.com', 'a.b@'],
    ['uri', 'https://example.com/a?b#c', 'no uri'],
    ['uuid', '01890a5d-ac96-774b-bcce-b302099a8057', '01890a5d'],
    ['ipv4', '127.0.0.1', '256.0.0.1'],
    ['ipv6', '::1', ':::'],
    ['hostname', 'example.com', '-a-'],
  ])('the format %s is checked', (format, good, bad) => {
    const schema = object({ a: { type: 'string', format } })
    expect(validate(schema, { a: good })).toEqual([])
    expect(validate(schema, { a: bad })).toEqual([
      { path: '/a', message: `must match format "${format}"` },
    ])
  })

  test('unknown formats and keywords are ignored', () => {
    const schema = object({ a: { type: 'string', format: 'phone', colour: 'red', nullable: 1 } })
    expect(validate(schema, { a: 'x' })).toEqual([])
  })

  test('decimal steps are taken as people mean them', () => {
    const schema = object({ a: { multipleOf: 0.01 } })
    expect(validate(schema, { a: 1.13 })).toEqual([])
    expect(validate(schema, { a: 1.135 })).toHaveLength(1)
  })

  test('uniqueItems compares by value', () => {
    const schema = object({ a: { type: 'array', uniqueItems: true } })
    expect(validate(schema, { a: [{ x: 1, y: 2 }, { x: 1 }, '1', 1] })).toEqual([])
    expect(
      validate(schema, {
        a: [
          { x: 1, y: 2 },
          { y: 2, x: 1 },
        ],
      }),
    ).toHaveLength(1)
  })
})

describe('hostile schemas and values end soon', () => {
  test.each([
    ['^(a+)+$', `${'a'.repeat(200_000)}!`, 1],
    ['(a|a)*b', 'a'.repeat(200_000), 1],
    ['^(\\w+\\s?)*$', `${'a'.repeat(200_000)}!`, 1],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(200_000), 1],
    ['^[\\w.-]+@[\\w.-]+$', `${'a'.repeat(100_000)}@b`, 0],
  ])('%s runs in linear time', (pattern, text, faults) => {
    expect(validate(object({ a: { type: 'string', pattern } }), { a: text })).toHaveLength(faults)
  })

  test('a pattern of many states against a long text is given up, not waited for', () => {
    const pattern = '(a|b)*a(a|b){900}[cd]'
    const text = `cd${'abbab'.repeat(190_000)}`
    expect(validate(object({ a: { pattern } }), { a: text })).toEqual([
      { path: '', message: expect.stringContaining('too many steps') },
    ])
  })

  test.each([
    ['email', `a@${'a'.repeat(1_000_000)}`],
    ['uri', `a:${'/'.repeat(1_000_000)} `],
    ['hostname', `${'a.'.repeat(500_000)}-`],
    ['date-time', `2024-01-01T00:00:00.${'0'.repeat(1_000_000)}`],
    ['duration', `P${'1'.repeat(1_000_000)}`],
    ['ipv6', `${':'.repeat(1_000_000)}`],
  ])('the format %s takes a megabyte in its stride', (format, text) => {
    expect(validate(object({ a: { type: 'string', format } }), { a: text })).toHaveLength(1)
  })

  test('alternatives that double at every level are given up', () => {
    const schema = object(
      { a: { $ref: '#/$defs/d0' } },
      { $defs: doubling('anyOf', 40, { not: {} }) },
    )
    expect(validate(schema, { a: 1 }).length).toBeGreaterThan(0)
    const passing = object({ a: { $ref: '#/$defs/d0' } }, { $defs: doubling('allOf', 40) })
    expect(validate(passing, { a: 1 })).toEqual([
      { path: '', message: expect.stringContaining('too many steps') },
    ])
  })

  test('a schema that refers to itself does not exhaust the stack', () => {
    const schema = object({ a: { $ref: '#/$defs/a' } }, { $defs: { a: { $ref: '#/$defs/a' } } })
    expect(validate(schema, { a: 1 })).toEqual([
      { path: '', message: expect.stringContaining('too many steps') },
    ])
  })

  test('a value that fails everywhere gives twenty faults', () => {
    const schema = object({ a: { type: 'array', items: { type: 'string', enum: ['x'] } } })
    expect(validate(schema, { a: Array(400_000).fill(7) })).toHaveLength(20)
    const names = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`n${i}`, 1]))
    expect(validate(schema, names)).toHaveLength(20)
  })

  test('a large honest value is checked to its end', () => {
    const schema = object({
      a: { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'integer' }] } },
    })
    expect(validate(schema, { a: Array(500_000).fill(7) })).toEqual([])
  })

  test('a hundred thousand distinct items are unique without comparing each pair', () => {
    const schema = object({ a: { type: 'array', uniqueItems: true } })
    const items = Array.from({ length: 100_000 }, (_, i) => [i])
    expect(validate(schema, { a: items })).toEqual([])
  })
})

describe('the cache of validators', () => {
  test('a schema is compiled once, and the one not used for longest is forgotten first', () => {
    const cache = createValidators({ capacity: 2 })
    const schemas = ['a', 'b', 'c'].map((name) => object({ [name]: {} }))
    const [a, b, c] = schemas as [JsonSchema, JsonSchema, JsonSchema]
    const first = cache.for(a, 'a')
    const second = cache.for(b, 'b')
    expect(cache.for(a, 'a')).toBe(first)
    cache.for(c, 'c')
    expect(cache.for(a, 'a')).toBe(first)
    expect(cache.for(b, 'b')).not.toBe(second)
  })

  test('validators of one cache do not disturb each other', () => {
    const cache = createValidators()
    const numbers = cache.for(object({ a: { type: 'number' } }, { $id: 'https://x.test/s' }), '1')
    const strings = cache.for(object({ a: { type: 'string' } }, { $id: 'https://x.test/s' }), '2')
    expect(numbers({ a: 'x' })).toHaveLength(1)
    expect(strings({ a: 'x' })).toEqual([])
    expect(numbers({ a: 1 })).toEqual([])
  })
})
