import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeCursor, encodeCursor } from './page.js'

const isAnything = (_position: unknown): _position is unknown => true
const isText = (position: unknown): position is string => typeof position === 'string'

test('a cursor carries its position, in characters that a URL takes', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (position) => {
      const cursor = encodeCursor(position)
      expect(cursor).toMatch(/^[A-Za-z0-9_-]*$/)
      expect(decodeCursor(cursor, isAnything)).toEqual(JSON.parse(JSON.stringify(position)))
    }),
  )
})

test.each(['', 'x', '%%%', '{}', encodeCursor(1), encodeCursor({ a: 1 }), encodeCursor(null)])(
  'the cursor %j is refused where another kind of position is meant',
  (cursor) => {
    expect(() => decodeCursor(cursor, isText)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    )
  },
)
