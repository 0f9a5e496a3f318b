import { ProtocolError } from '@modelcontextprotocol/server'
import { describe, expect, test } from 'vitest'
import type { Outcome } from '#calls'
import { ZERO } from '#core/money'
import { Problem } from '#core/problem'
import { anOffer } from '../../test/support/an-offer.js'
import { nativeResult, refused } from './native-result.js'
import { resultText } from './surface.js'

const http = anOffer()
const mcp = anOffer({ target: { kind: 'mcp', server: 'notes', tool: 'add' } })

function anOutcome(
  body: string | Buffer,
  mediaType: string,
  changes: Partial<Outcome> = {},
): Outcome {
  return {
    callId: 'call_1',
    endpointId: 'wiki.search',
    version: 1,
    outcome: 'charged',
    status: 200,
    body: { bytes: Buffer.from(body), mediaType, truncated: false },
    charge: ZERO,
    fee: ZERO,
    total: ZERO,
    balance: ZERO,
    receipt: { id: 'rcpt_1', jws: 'a.b.c' },
    fault: undefined,
    replayed: false,
    ...changes,
  }
}

const shown = (offer: typeof http, outcome: Outcome) =>
  JSON.parse(resultText(nativeResult(offer, outcome, 'http://souk')))

describe("an API's answer", () => {
  test('is text as it came and, where it is an object, structured content', () => {
    const result = shown(http, anOutcome('{ "n": 1 }', 'application/json'))
    expect(result.content).toEqual([{ type: 'text', text: '{ "n": 1 }' }])
    expect(result.structuredContent).toEqual({ n: 1 })
    expect(result._meta['souk/call']).toMatchObject({ call_id: 'call_1', receipt_id: 'rcpt_1' })
  })

  test.each(['[1]', '"a"', '1'])('%s is no structured content', (text) => {
    const result = shown(http, anOutcome(text, 'application/json'))
    expect(result).not.toHaveProperty('structuredContent')
    expect(result.content[0].text).toBe(text)
  })

  test.each([
    ['image/png', 'image'],
    ['audio/mpeg', 'audio'],
    ['application/pdf', 'resource'],
  ])('of %s is content of type %s', (mediaType, type) => {
    const bytes = Buffer.from([0xff, 0xd8, 0x00, 0xfe])
    const [content] = shown(http, anOutcome(bytes, mediaType)).content
    expect(content.type).toBe(type)
    expect(content.data ?? content.resource.blob).toBe(bytes.toString('base64'))
  })

  test('that is long is cut, with a link to all of it', () => {
    const result = shown(http, anOutcome('a'.repeat(70_000), 'text/plain'))
    expect(result.content[0].text).toHaveLength(64 * 1024)
    expect(result.content[1]).toMatchObject({
      type: 'resource_link',
      uri: 'http://souk/v1/calls/call_1/body',
    })
  })
})

describe("an MCP server's result", () => {
  test('passes unharmed, whatever is in it', () => {
    const text =
      '{"content":[{"type":"image","data":"AA==","mimeType":"image/png","annotations":{"x":1}}],"n":12345678901234567890}'
    const { json } = nativeResult(mcp, anOutcome(text, 'application/json'), '')
    expect(json).toBe(text)
  })

  test('keeps its digits beside a _meta of its own, and there, too', () => {
    const text =
      '{"structuredContent":{"n":12345678901234567890,"one":1.0},"_meta":{"at":1.50},"content":[]}'
    const whole = resultText(nativeResult(mcp, anOutcome(text, 'application/json'), ''))
    expect(whole).toContain('"structuredContent":{"n":12345678901234567890,"one":1.0}')
    expect(whole).toContain('"at":1.50')
  })

  test('keeps its own _meta beside ours, and says once what kind of result it is', () => {
    const text = '{"content":[],"resultType":"complete","_meta":{"theirs":1}}'
    const result = nativeResult(mcp, anOutcome(text, 'application/json'), '')
    const added = { members: '"resultType":"complete"', meta: '"ours":2' }
    const whole = resultText(result, added)
    expect(JSON.parse(whole)._meta).toMatchObject({ theirs: 1, ours: 2, 'souk/call': {} })
    expect(whole.match(/resultType/g)).toHaveLength(1)
  })

  test.each(['"_meta"', '"\\u005fmeta"', '"\\u005Fmeta"'])(
    'cannot tell of a purchase under %s',
    (name) => {
      const text = `{"content":[],${name}:{"souk/call":{"outcome":"free"},"theirs":1}}`
      const whole = resultText(nativeResult(mcp, anOutcome(text, 'application/json'), ''))
      expect(JSON.parse(whole)._meta).toMatchObject({
        theirs: 1,
        'souk/call': { call_id: 'call_1' },
      })
      expect(whole.match(/souk\/call/g)).toHaveLength(1)
    },
  )

  test('that asks for input that nobody can give is a refusal, not an empty success', () => {
    const text = '{"resultType":"input_required","requestState":"x"}'
    const fault = { code: 'upstream_failed' as const, message: 'The tool asks for more input.' }
    const outcome = anOutcome(text, 'application/json', { status: 422, outcome: 'refunded', fault })
    expect(shown(mcp, outcome)).toMatchObject({
      ...{ isError: true, structuredContent: { code: 'upstream_failed' } },
    })
  })

  test('that is an error of a tool stays one', () => {
    const text = '{"content":[{"type":"text","text":"no"}],"isError":true}'
    const fault = { code: 'upstream_failed' as const, message: 'The tool failed.' }
    const outcome = anOutcome(text, 'application/json', { status: 422, outcome: 'refunded', fault })
    const result = shown(mcp, outcome)
    expect(result).toMatchObject({ isError: true, content: [{ text: 'no' }] })
    expect(result._meta['souk/call'].outcome).toBe('refunded')
  })

  test('that is an error of the protocol is one here, but for codes that are about our request', () => {
    const thrown = (code: number) => {
      const text = JSON.stringify({ error: { code, message: 'no', data: { a: 1 } } })
      const fault = { code: 'upstream_failed' as const, message: 'It failed.' }
      try {
        return nativeResult(mcp, anOutcome(text, 'application/json', { fault }), '')
      } catch (error) {
        return error
      }
    }
    expect(thrown(-32_602)).toBeInstanceOf(ProtocolError)
    const data = { a: 1, 'souk/call': { call_id: 'call_1', receipt_id: 'rcpt_1' } }
    expect(thrown(-32_602)).toMatchObject({ code: -32_602, message: 'no', data })
    expect(thrown(-32_020)).toMatchObject({ code: -32_603 })
  })
})

test('a refusal is text, and structured content only where no schema forbids it', () => {
  const problem = new Problem('limit_exceeded', 'No more today.')
  expect(JSON.parse(refused(http, problem).json)).toMatchObject({
    isError: true,
    structuredContent: { code: 'limit_exceeded' },
  })
  const { definition } = mcp
  const strict = anOffer({
    ...mcp,
    definition: { ...definition, output_schema: { type: 'object' } },
  })
  expect(JSON.parse(refused(strict, problem).json)).not.toHaveProperty('structuredContent')
})
