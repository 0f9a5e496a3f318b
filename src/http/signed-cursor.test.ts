import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openCursor, signCursor } from './signed-cursor.js'

const key = Buffer.alloc(32, 7)
const isAnything = (_content: unknown): _content is unknown => true
const open = (query: string, cursor: string) => openCursor({ key, query }, cursor, isAnything)
const REFUSED = expect.objectContaining({ code: 'invalid_request' })

test('a cursor carries its content, in characters that a URL takes', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (content) => {
      const cursor = signCursor(key, 'ada', content)
      expect(cursor).toMatch(/^[A-Za-z0-9_.-]*$/)
      expect(open('ada', cursor)).toEqual(JSON.parse(JSON.stringify(content)))
    }),
  )
})

test('a cursor that was changed anywhere is refused', () => {
  const cursor = signCursor(key, 'ada', ['call_1', 5])
  for (let at = 0; at < cursor.length; at++) {
    const other = cursor[at] === 'A' ? 'B' : 'A'
    const changed = cursor.slice(0, at) + other + cursor.slice(at + 1)
    expect(() => open('ada', changed), changed).toThrow(REFUSED)
  }
})

test.each(['', '.', 'x', 'bnVsbA', 'bnVsbA.', '\u0000', 'ü.ü'])(
  'the cursor %j is refused',
  (cursor) => {
    expect(() => open('ada', cursor)).toThrow(REFUSED)
  },
)

test('a cursor of another query, or under another key, is refused', () => {
  const cursor = signCursor(key, 'ada', 1)
  expect(() => open('bob', cursor)).toThrow(REFUSED)
  expect(() => open('ada', signCursor(Buffer.alloc(32, 8), 'ada', 1))).toThrow(REFUSED)
})
