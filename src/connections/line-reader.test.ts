import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLineReader } from './line-reader.js'

function read(text: string, size: number, limit = 100) {
  const lines: string[] = []
  let tooLong = 0
  const push = createLineReader(
    limit,
    (line) => lines.push(line.toString()),
    () => {
      tooLong++
    },
  )
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) push(bytes.subarray(at, at + size))
  return { lines, tooLong }
}

test('it makes no difference where the bytes are cut', () => {
  const lines = fc.array(fc.string({ maxLength: 20 }).map((text) => text.replaceAll('\n', '')))
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 30 }), (each, size) => {
      const text = each.map((line) => `${line}\n`).join('')
      expect(read(text, size)).toEqual({ lines: each.filter((line) => line !== ''), tooLong: 0 })
    }),
  )
})

test.each([1, 7, 1000])('a line beyond the limit is told and not kept (pieces of %i)', (size) => {
  const { lines, tooLong } = read(`short\n${'x'.repeat(101)}\nnext\n`, size)
  expect(tooLong).toBeGreaterThan(0)
  expect(lines[0]).toBe('short')
  expect(lines.at(-1)).toBe('next')
})
