/** Messages that are broken before anybody reads what they ask for, on both faces alike. */
import { expect } from 'vitest'
import { type ProblemCode, problems } from '#core/problem'
import type { Bazaar, Face } from './bazaar.js'
import { PROBLEM } from './refusals.js'
import type { Json } from './world.js'

export type BadMessage = {
  name: string
  code: ProblemCode
  /** The order that is wrapped into the face's envelope; `$ENDPOINT` stands for a real endpoint. */
  order?: string
  /** What becomes of the message's bytes. */
  bytes?(message: string): string | Buffer | Buffer[]
  headers?: Record<string, string>
}

const PLAIN = '{"endpoint_id":"$ENDPOINT","arguments":{"space":"main","q":"tea"}}'
const MIB = 1024 * 1024

const orderWith = (member: string) =>
  `{"endpoint_id":"$ENDPOINT","arguments":{"space":"main","q":"tea"},${member}}`
const argumentsWith = (member: string) =>
  `{"endpoint_id":"$ENDPOINT","arguments":{"space":"main","q":"tea",${member}}}`

const tooLong: BadMessage[] = [
  { name: 'a body of more than 1 MiB', code: 'too_large', bytes: (it) => it + ' '.repeat(MIB) },
  {
    name: 'a body of more than 1 MiB that does not say so',
    code: 'too_large',
    bytes: (it) => [Buffer.from(it), ...Array.from({ length: 40 }, () => Buffer.alloc(65_536, 32))],
  },
]

const notJson: BadMessage[] = [
  { name: 'JSON that ends early', bytes: (it: string) => it.slice(0, -1) },
  { name: 'JSON with something behind', bytes: (it: string) => `${it}}` },
  { name: 'no JSON', bytes: () => 'hello' },
  { name: 'single quotes', bytes: (it: string) => it.replaceAll('"', "'") },
  {
    name: 'what is not UTF-8',
    bytes: (it: string) => Buffer.from(it.replace('tea', 'te\xe4'), 'latin1'),
  },
  {
    name: 'UTF-8 with an overlong form',
    bytes: (it: string) => Buffer.from(it.replace('tea', '\xc0\xaf'), 'latin1'),
  },
  { name: 'UTF-16', bytes: (it: string) => Buffer.from(it, 'utf16le') },
].map((row) => ({ ...row, code: 'invalid_request' }))

const hostileJson: BadMessage[] = [
  { name: '100,000 arrays inside each other', order: '['.repeat(1e5) + ']'.repeat(1e5) },
  { name: '100,000 open arrays', bytes: () => '['.repeat(1e5) },
  {
    name: '100,000 objects inside each other',
    order: argumentsWith(`"tags":${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}`),
  },
  { name: '__proto__ beside the order', order: orderWith('"__proto__":{"polluted":1}') },
  { name: '__proto__ in the arguments', order: argumentsWith('"__proto__":{"polluted":1}') },
  { name: '__proto__ deeper down', order: argumentsWith('"tags":[{"__proto__":{"polluted":1}}]') },
  {
    name: '__proto__ with escapes',
    order: argumentsWith('"\\u005f_proto_\\u005F":{"polluted":1}'),
  },
  { name: 'constructor beside the order', order: orderWith('"constructor":{"prototype":{}}') },
].map((row) => ({ ...row, code: 'invalid_request' }))

const undeclared: BadMessage[] = [
  argumentsWith('"constructor":{"prototype":{"polluted":1}}'),
  argumentsWith('"c\\u006fnstructor":{"prototype":{"polluted":1}}'),
  argumentsWith('"prototype":{"polluted":1}'),
].map((order) => ({ name: order.slice(61, 90), order, code: 'invalid_arguments' }))

const badHeaders: BadMessage[] = [
  ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'json', ''].map(
    (type): BadMessage => ({
      name: `the content type "${type}"`,
      code: 'unsupported_media_type',
      headers: { 'content-type': type },
    }),
  ),
  ...['https://evil.example', 'null', 'http://127.0.0.1.evil.example', 'file://'].map(
    (origin): BadMessage => ({
      name: `the Origin ${origin}`,
      code: 'forbidden_origin',
      headers: { origin },
    }),
  ),
  ...['evil.example', 'evil.example:8402', 'localhost.evil.example', '@'].map(
    (host): BadMessage => ({
      name: `the Host "${host}"`,
      code: 'forbidden_origin',
      headers: { host },
    }),
  ),
]

export const badMessages: readonly BadMessage[] = [
  ...tooLong,
  ...notJson,
  ...hostileJson,
  ...undeclared,
  ...badHeaders,
]

/** Sends a broken message; it is refused as the row says, and nothing moves. */
export async function expectRefusedBytes(
  bazaar: Bazaar,
  face: Face,
  row: BadMessage,
): Promise<void> {
  const { world, buyer, wiki } = bazaar
  const message = face.envelope((row.order ?? PLAIN).replace('$ENDPOINT', wiki.endpointId))
  const before = await bazaar.state()
  const reached = world.upstream.requests.length
  const { status, json } = await face.post(buyer.key, row.bytes?.(message) ?? message, row.headers)
  expect(json).toMatchObject({ code: row.code, ...PROBLEM })
  // A tool's refusal is a result, which HTTP carries with 200.
  if (json.isSame === undefined) expect(status).toBe(problems[row.code].status)
  else expect(json).toMatchObject({ isError: true, isSame: true })
  expect(await bazaar.state()).toEqual(before)
  expect(world.upstream.requests.length).toBe(reached)
  expect(({} as Json).polluted).toBeUndefined()
}
