import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderBody } from './body.js'

const LIMIT = 64
const URL_OF_BODY = 'https://souk.example/v1/calls/call_1/body'

function render(body: string | Buffer, mediaType: string, changes = {}) {
  const answer = { bytes: Buffer.from(body), mediaType, truncated: false, ...changes }
  return renderBody(answer, LIMIT, URL_OF_BODY)
}

describe('a body that fits', () => {
  test.each([
    ['JSON', '{"a":[1,2.5]}', 'application/json', { a: [1, 2.5] }],
    ['JSON of a kind', '{"a":1}', 'application/problem+json', { a: 1 }],
    ['JSON as text/json', 'true', 'text/json', true],
    [
      'JSON with a number that JavaScript would change',
      '{"a":1e400}',
      'application/json',
      '{"a":1e400}',
    ],
    [
      'JSON with too many digits',
      '[12345678901234567890]',
      'application/json',
      '[12345678901234567890]',
    ],
    ['what only says that it is JSON', '{"a":', 'application/json', '{"a":'],
    ['text', 'Grüße', 'text/plain', 'Grüße'],
    ['text that looks like JSON', '{"a":1}', 'text/plain', '{"a":1}'],
    ['XML', '<a/>', 'application/xml', '<a/>'],
    ['SVG', '<svg/>', 'image/svg+xml', '<svg/>'],
    ['CSV', 'a,b', 'text/csv', 'a,b'],
    ['text without a media type', 'hello', '', 'hello'],
  ])('%s', (_what, body, mediaType, shown) => {
    expect(render(body, mediaType)).toEqual({ body: shown })
  })

  test.each([
    ['a picture', Buffer.of(0x89, 0x50, 0x4e, 0x47), 'image/png'],
    ['text that is not UTF-8', Buffer.of(0x61, 0xff), 'text/plain'],
    ['JSON that is not UTF-8', Buffer.of(0x22, 0xff, 0x22), 'application/json'],
    ['text of an unknown kind', Buffer.from('abc'), 'application/octet-stream'],
    ['what has no media type and is not UTF-8', Buffer.of(0xff, 0xfe), ''],
  ])('%s is base64', (_what, bytes, mediaType) => {
    expect(render(bytes, mediaType)).toEqual({
      body: { encoding: 'base64', media_type: mediaType, data: bytes.toString('base64') },
    })
  })

  test('one that is exactly as long as the limit is whole', () => {
    expect(render('a'.repeat(LIMIT), 'text/plain')).toEqual({ body: 'a'.repeat(LIMIT) })
  })

  test('one that is empty or missing is null, and one that is gone says so', () => {
    expect(render('', 'text/plain')).toEqual({ body: null })
    expect(renderBody(null, LIMIT, URL_OF_BODY)).toEqual({ body: null })
    expect(renderBody(undefined, LIMIT, URL_OF_BODY)).toEqual({ body: null, body_expired: true })
  })
})

describe('a body that is too long', () => {
  test('is cut to its first part, with the address of the whole', () => {
    expect(render('a'.repeat(LIMIT + 1), 'text/plain')).toEqual({
      body: 'a'.repeat(LIMIT),
      truncated: true,
      body_url: URL_OF_BODY,
    })
  })

  test('is text where it was JSON', () => {
    const json = JSON.stringify('a'.repeat(LIMIT))
    expect(render(json, 'application/json')).toMatchObject({ body: json.slice(0, LIMIT) })
  })

  test.each(['é', '€', '😀'])(
    'loses no more than the character %s that the cut goes through',
    (char) => {
      const width = Buffer.byteLength(char)
      for (let before = LIMIT - width; before <= LIMIT; before++) {
        const text = 'a'.repeat(before) + char.repeat(3)
        const fitting = Math.floor((LIMIT - before) / width)
        expect(render(text, 'text/plain')).toMatchObject({
          body: 'a'.repeat(before) + char.repeat(fitting),
          truncated: true,
        })
      }
    },
  )

  test('is the longest beginning of any text that fits', () => {
    const long = fc
      .string({ unit: 'binary', minLength: LIMIT })
      .filter((text) => Buffer.byteLength(text) > LIMIT)
    fc.assert(
      fc.property(long, (text) => {
        const { body } = render(text.replace(/^\ufeff/, ''), 'text/plain')
        expect(text.replace(/^\ufeff/, '').startsWith(body as string)).toBe(true)
        const missing = LIMIT - Buffer.byteLength(body as string)
        expect(missing >= 0 && missing < 4).toBe(true)
      }),
    )
  })

  test('is base64 where it is not text', () => {
    const bytes = Buffer.alloc(LIMIT + 1, 0xff)
    expect(render(bytes, 'image/png')).toMatchObject({
      body: { encoding: 'base64', data: bytes.subarray(0, LIMIT).toString('base64') },
      truncated: true,
    })
  })

  test('one that the gateway cut before says so, however short the rest is', () => {
    expect(render('{"a":1}', 'application/json', { truncated: true })).toEqual({
      body: '{"a":1}',
      truncated: true,
      body_url: URL_OF_BODY,
    })
  })
})
