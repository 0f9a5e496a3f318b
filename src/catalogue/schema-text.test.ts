import { describe, expect, test } from 'vitest'
import { hiddenNameIn, plainSchema } from './schema-text.js'

const nested = (depth: number): Record<string, unknown> =>
  depth === 0 ? { description: '**x**' } : { items: nested(depth - 1) }

describe('a schema as its buyers see it', () => {
  test('has plain annotations wherever a schema may stand', () => {
    const part = { description: '**Bold**\u200b [link](https://example.com)' }
    const plain = { description: 'Bold link' }
    expect(
      plainSchema({
        title: '<b>Title</b>\nin two lines',
        properties: { a: part, description: part },
        $defs: { b: part },
        items: [part],
        anyOf: [part, true],
        not: part,
        additionalProperties: false,
      }),
    ).toEqual({
      title: 'Title in two lines',
      properties: { a: plain, description: plain },
      $defs: { b: plain },
      items: [plain],
      anyOf: [plain, true],
      not: plain,
      additionalProperties: false,
    })
  })

  test('keeps what validation and sending depend on', () => {
    const schema = {
      type: 'object',
      properties: {
        '*a*': {
          type: 'string',
          pattern: '^\\*[a-z]*\\*$',
          enum: ['**a**', '`b`'],
          const: '**a**',
          default: '<b>',
          examples: ['[a](b)'],
          'x-in': 'query',
          'x-name': '*a*',
        },
        r: { $ref: '#/properties/*a*' },
      },
      required: ['*a*'],
    }
    expect(plainSchema(schema)).toEqual(schema)
  })

  test('says no more than its limits, and nothing to implementers', () => {
    const long = 'x'.repeat(5_000)
    const plain = plainSchema({
      title: long,
      description: long,
      'x-note': long,
      $comment: 'hidden',
    })
    expect(plain.title).toHaveLength(200)
    expect(plain.description).toHaveLength(1_000)
    expect(plain['x-note']).toHaveLength(1_000)
    expect(plain).not.toHaveProperty('$comment')
  })

  test('may be nested deeper than any stack: that is refused elsewhere', () => {
    expect(plainSchema(nested(5_000))).toHaveProperty('items')
  })
})

describe('a name that holds invisible characters', () => {
  test('is found wherever it stands, and shown without them', () => {
    const schema = { properties: { a: { properties: { 'b\u200b/c': {} } } } }
    expect(hiddenNameIn(schema)).toBe('/properties/a/properties/b?~1c')
  })

  test('is not found where there is none', () => {
    expect(hiddenNameIn({ properties: { naïve: {}, 'a b': {} } })).toBeUndefined()
  })
})
