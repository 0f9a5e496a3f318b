import { describe, expect, test } from 'vitest'
import { isDelivered } from './delivered.js'
import type { SuccessRule } from './listing-schema.js'

const answer = (status: number, body = '', truncated = false) => ({
  status,
  body: Buffer.from(body),
  truncated,
})
const delivered = (rule: SuccessRule, status: number, body?: string, truncated?: boolean) =>
  isDelivered(rule, answer(status, body, truncated)).delivered

describe('by status alone', () => {
  test.each<[SuccessRule['status'], number, boolean]>([
    ['2xx', 199, false],
    ['2xx', 200, true],
    ['2xx', 299, true],
    ['2xx', 300, false],
    [404, 404, true],
    [404, 200, false],
    [[200, 404], 404, true],
    [[200, 404], 201, false],
  ])('the rule %j makes of %d: %j', (status, given, expected) => {
    expect(delivered({ status }, given, 'anything at all')).toBe(expected)
  })

  test('an answer that was cut at the size limit is delivered', () => {
    expect(delivered({ status: '2xx' }, 200, '{"a":', true)).toBe(true)
  })
})

describe('by a member of the answer', () => {
  const noErrors: SuccessRule = { status: '2xx', must_not_exist: '/errors' }
  const data: SuccessRule = { status: '2xx', must_exist: '/data/0/id' }

  test('errors on a 200, as GraphQL has them, are not delivered', () => {
    expect(delivered(noErrors, 200, '{"data":null,"errors":[{"message":"no"}]}')).toBe(false)
    expect(delivered(noErrors, 200, '{"data":{}}')).toBe(true)
  })

  test('a member that is null or false is there', () => {
    for (const value of ['null', 'false', '0', '""', '[]']) {
      expect(delivered(noErrors, 200, `{"errors":${value}}`), value).toBe(false)
      expect(delivered(data, 200, `{"data":[{"id":${value}}]}`), value).toBe(true)
    }
  })

  test('what is missing on the way is missing', () => {
    for (const body of ['{}', '{"data":[]}', '{"data":null}', '[]', '"data"', '{"data":{"0":1}}']) {
      expect(delivered(data, 200, body), body).toBe(false)
    }
  })

  test('nothing of a prototype is a member', () => {
    expect(delivered({ status: '2xx', must_exist: '/constructor' }, 200, '{}')).toBe(false)
    expect(delivered({ status: '2xx', must_exist: '/length' }, 200, '[1]')).toBe(false)
  })

  test('both rules and the status must hold', () => {
    const rule: SuccessRule = { status: [200], must_exist: '/ok', must_not_exist: '/error' }
    expect(delivered(rule, 200, '{"ok":1}')).toBe(true)
    expect(delivered(rule, 201, '{"ok":1}')).toBe(false)
    expect(delivered(rule, 200, '{"ok":1,"error":1}')).toBe(false)
    expect(delivered(rule, 200, '{}')).toBe(false)
  })

  test.each(['', 'plain text', '{"data":', '\uFFFD{', '['.repeat(10_000) + ']'.repeat(10_000)])(
    'an answer that is not JSON (%#) is not delivered, and the process lives',
    (body) => {
      expect(isDelivered(noErrors, answer(200, body))).toEqual({
        delivered: false,
        reason: 'The answer is not JSON, which the success rule needs.',
      })
    },
  )

  test('bytes that are not UTF-8 are not JSON', () => {
    const body = Buffer.from([0x22, 0xff, 0x22])
    expect(isDelivered(noErrors, { status: 200, body, truncated: false }).delivered).toBe(false)
  })
})

test('the reason names the status or the member', () => {
  const rule: SuccessRule = { status: '2xx', must_exist: '/data', must_not_exist: '/errors' }
  const reasonOf = (status: number, body: string) => isDelivered(rule, answer(status, body))
  expect(reasonOf(503, '{}')).toMatchObject({ reason: expect.stringContaining('503') })
  expect(reasonOf(200, '{}')).toMatchObject({ reason: expect.stringContaining('/data') })
  expect(reasonOf(200, '{"data":1,"errors":1}')).toMatchObject({
    reason: expect.stringContaining('/errors'),
  })
})
