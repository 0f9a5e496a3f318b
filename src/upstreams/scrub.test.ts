import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Credential } from './credential.js'
import { scrubberFor } from './scrub.js'

const secret = 'sk/live+"é&x y~z'
const query: Credential = { type: 'query', name: 'key', value: secret }
const base64 = (text: string) => Buffer.from(text).toString('base64')

const scrubbed = (text: string | Buffer, credential: Credential = query) => {
  const bytes = Buffer.from(text as string)
  return scrubberFor(credential).bytes(bytes, bytes.length).toString('latin1')
}

test.each<[string, string | Buffer]>([
  ['as it is', secret],
  ['in Latin-1', Buffer.from(secret, 'latin1')],
  ['in base64', base64(secret)],
  ['in base64 without padding', base64(secret).replaceAll('=', '')],
  ['in URL-safe base64', Buffer.from(secret).toString('base64url')],
  ['in base64 in JSON of PHP', base64(secret).replaceAll('/', '\\/')],
  ['in base64 in a URL', encodeURIComponent(base64(secret).replaceAll('=', ''))],
  ['URL-encoded', encodeURIComponent(secret)],
  [
    'URL-encoded in lower case',
    encodeURIComponent(secret).replaceAll(/%../g, (c) => c.toLowerCase()),
  ],
  ['form-encoded', encodeURIComponent(secret).replaceAll('%20', '+')],
  ['in JSON', JSON.stringify(secret).slice(1, -1)],
  ['in JSON of PHP', JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/')],
  ['in HTML', 'sk/live+&quot;é&amp;x y~z'],
])('the secret %s does not come back', (_, form) => {
  const body = Buffer.concat([
    Buffer.of(0xff, 0x00, 0xfe),
    Buffer.from(form as string),
    Buffer.from('!'),
  ])
  const out = scrubberFor(query).bytes(body, body.length)
  expect(out.includes('[redacted]')).toBe(true)
  expect(out.includes(form)).toBe(false)
  expect(out.subarray(0, 3)).toEqual(Buffer.of(0xff, 0x00, 0xfe))
  expect(out.at(-1)).toBe('!'.charCodeAt(0))
})

test('a secret inside a longer base64 text does not come back', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 40 }),
      fc.string(),
      fc.string(),
      (token, before, after) => {
        const credential: Credential = { type: 'bearer', token }
        const out = scrubbed(base64(before + token + after), credential)
        expect(Buffer.from(out.replaceAll('[redacted]', ''), 'base64').includes(token)).toBe(false)
        expect(out).toContain('[redacted]')
      },
    ),
  )
})

test('the pair of a basic credential does not come back, its user name alone does', () => {
  const basic: Credential = { type: 'basic', username: 'AC0123456789', password: 'abcdefgh' }
  expect(scrubbed(`Basic ${base64('AC0123456789:abcdefgh')}`, basic)).toMatch(
    /^Basic \[redacted\]=*$/,
  )
  expect(scrubbed('/accounts/AC0123456789', basic)).toBe('/accounts/AC0123456789')
  expect(scrubbed('password=abcdefgh', basic)).toBe('password=[redacted]')
})

test('a text without the secret is given back untouched, the same object', () => {
  const body = Buffer.from('{"ok":true}')
  expect(scrubberFor(query).bytes(body, body.length)).toBe(body)
  expect(scrubberFor({ type: 'none' }).text('anything')).toBe('anything')
})

test('no part of a secret survives at the edge of a cut', () => {
  const token = 'abcdefghijklmnopqrstuvwxyz'
  const { bytes, longestBytes } = scrubberFor({ type: 'bearer', token })
  const all = Buffer.from(`${token}.${'x'.repeat(40)}${token}${token}`)
  for (let keep = 0; keep <= all.length; keep++) {
    const collected = all.subarray(0, keep + longestBytes)
    const kept = bytes(collected, keep).toString()
    expect(kept, `cut at ${keep}`).not.toMatch(/abc|bcd|xyz/)
  }
})

test('a body made of nothing but the secret is replaced as a whole', () => {
  const token = 'aaaaaaaa'
  const body = Buffer.alloc(1024 * 1024, 'a')
  expect(scrubberFor({ type: 'bearer', token }).bytes(body, body.length).toString()).toBe(
    '[redacted]',
  )
})

test('a header value keeps its other characters', () => {
  const { text } = scrubberFor({ type: 'bearer', token: 'abcdefgh' })
  expect(text('<https://x.example/?k=abcdefgh>; title="\xe9"')).toBe(
    '<https://x.example/?k=[redacted]>; title="\xe9"',
  )
})

test('a secret behind a scheme of its own does not come back without it', () => {
  const header: Credential = { type: 'header', name: 'authorization', value: 'Token abc-123-def' }
  expect(scrubbed('you sent abc-123-def', header)).toBe('you sent [redacted]')
  expect(scrubbed('you sent Token abc-123-def', header)).toBe('you sent [redacted]')
  const short: Credential = { type: 'header', name: 'x-key', value: 'long-enough abc' }
  expect(scrubbed('abc', short)).toBe('abc')
})
