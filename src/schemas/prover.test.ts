import { describe, expect, test } from 'vitest'
import { type JsonSchema, proveSchemas } from './schemas.js'

function object(properties: JsonSchema, more: JsonSchema = {}): JsonSchema {
  return { type: 'object', properties, ...more }
}

describe('proving in a worker', () => {
  test('schemas that compile are accepted as a batch', async () => {
    const schema = object({ a: { type: 'integer' } })
    const batch = Array.from({ length: 100 }, (_, i) => ({ where: `endpoint ${i}`, schema }))
    await expect(proveSchemas(batch)).resolves.toBeUndefined()
    await expect(proveSchemas([])).resolves.toBeUndefined()
  })

  test.each([
    ['an unknown type', object({ a: { type: 'number-ish' } })],
    ['a length that is text', object({ a: { type: 'string', maxLength: 'ten' } })],
    ['an enum that is no list', object({ a: { enum: 'a' } })],
    [
      'an endless chain of references',
      object(
        {},
        { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
      ),
    ],
    [
      'references that double at every level',
      object({}, { $ref: '#/$defs/d0', $defs: doubling('allOf', 24) }),
    ],
  ])('%s is refused by name', async (_, schema) => {
    const good = { where: 'the good one', schema: object({}) }
    const proof = proveSchemas([good, { where: 'the bad one', schema }, good])
    await expect(proof).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('the bad one'),
    })
  })

  test('a schema that never finishes compiling stops at the limits, and the next is served', async () => {
    const hostile = object({ a: slowToCompile() })
    await expect(proveSchemas([{ where: 'the slow one', schema: hostile }])).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('the slow one'),
    })
    await expect(proveSchemas([{ where: 'a', schema: object({}) }])).resolves.toBeUndefined()
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

/** More than the proof ever gets: only a schema that skipped the shape check can be this large. */
function slowToCompile(): JsonSchema {
  const branch = () => object({ a: { enum: [1, 2] }, b: { type: 'string' } }, { required: ['a'] })
  return { anyOf: Array.from({ length: 60_000 }, branch) }
}
