import { describe, expect, test } from 'vitest'
import { formatUsdc, parseUsdc } from '#core/money'
import type { Answer } from '#upstreams'
import { anAnswer, anOffer } from '../../test/support/an-offer.js'
import { judge } from './judge.js'

describe('what counts as delivered', () => {
  test.each([
    ['status 200', {}, anAnswer('{}'), true],
    ['status 204 without a body', {}, anAnswer('', { status: 204 }), true],
    ['status 299', {}, anAnswer('{}', { status: 299 }), true],
    ['a redirect', {}, anAnswer('{}', { status: 302 }), false],
    ['a refusal', {}, anAnswer('{}', { status: 404 }), false],
    ['a failure', {}, anAnswer('{}', { status: 503 }), false],
    ['one of the statuses named', { status: [200, 404] }, anAnswer('{}', { status: 404 }), true],
    ['another status than the one named', { status: 201 }, anAnswer('{}'), false],
    ['what must exist', { must_exist: '/a/b' }, anAnswer('{"a":{"b":null}}'), true],
    ['what must exist, missing', { must_exist: '/a/b' }, anAnswer('{"a":{}}'), false],
    ['what must not exist', { must_not_exist: '/error' }, anAnswer('{"error":0}'), false],
    ['what must not exist, missing', { must_not_exist: '/error' }, anAnswer('{"a":1}'), true],
    ['no JSON where a rule needs it', { must_exist: '/a' }, anAnswer('<a/>'), false],
    ['no UTF-8 where a rule needs it', { must_exist: '/a' }, anAnswer(Buffer.of(0xff)), false],
    ['an answer cut at the size limit', {}, anAnswer('[1,2', { truncated: true }), true],
  ])('%s', (_what, rule, answer, delivered) => {
    const offer = anOffer({ success: { status: '2xx', ...rule } })
    expect(judge(offer, answer).delivered).toBe(delivered)
  })
})

describe('a seller who does not deliver', () => {
  test.each<[Extract<Answer, { kind: 'unanswered' }>['reason'], string]>([
    ['timeout', 'upstream_timeout'],
    ['unreachable', 'upstream_failed'],
    ['blocked', 'upstream_failed'],
    ['broken', 'upstream_failed'],
    ['cancelled', 'upstream_failed'],
  ])('%s is %s, with the reason in words', (reason, code) => {
    const answer = { kind: 'unanswered', reason, detail: 'why', dispatched: true, latencyMs: 1 }
    expect(judge(anOffer(), answer as Answer)).toMatchObject({
      delivered: false,
      code,
      message: 'why',
    })
  })

  test('passes its Retry-After on', () => {
    const answer = anAnswer('', { status: 429, retryAfterMs: 7_000 })
    expect(judge(anOffer(), answer)).toMatchObject({ delivered: false, retryAfterMs: 7_000 })
  })
})

describe('what a delivered answer costs', () => {
  test('a price per call is charged with its fee', () => {
    expect(judge(anOffer(), anAnswer('{}'))).toEqual({
      delivered: true,
      charge: parseUsdc('0.001'),
      fee: parseUsdc('0.00005'),
      quantity: undefined,
    })
  })

  test('a free call costs nothing', () => {
    expect(judge(anOffer({ terms: { model: 'free' } }), anAnswer('{}'))).toMatchObject({
      delivered: true,
      charge: 0n,
      fee: 0n,
    })
  })
})

describe('a metered quantity', () => {
  const offer = anOffer({
    terms: {
      model: 'per_unit',
      unit: 'word',
      amount: '0.001',
      quantity: '/usage/words',
      max_quantity: 1000,
    },
  })
  const answering = (digits: string) => anAnswer(`{"usage":{"words":${digits}}}`)

  test.each([
    ['0', '0', '0'],
    ['0.0e0', '0', '0'],
    ['1', '1', '0.001'],
    ['12.5', '12.5', '0.0125'],
    ['1E2', '100', '0.1'],
    ['0.000000001', '0.000000001', '0.000000001'],
    ['999.999999999', '999.999999999', '1'],
    ['1000', '1000', '1'],
    ['1000.000000001', '1000', '1'],
    ['12345678901234567890', '1000', '1'],
    ['1e30', '1000', '1'],
    ['1e400', '1000', '1'],
    ['1'.repeat(64), '1000', '1'],
  ])('of %s is read from the raw digits as %s and costs %s', (digits, quantity, charge) => {
    const verdict = judge(offer, answering(digits))
    expect(verdict).toMatchObject({ delivered: true, quantity })
    expect(verdict.delivered && formatUsdc(verdict.charge)).toBe(charge)
  })

  test.each([
    ['negative', answering('-1')],
    ['minus zero', answering('-0')],
    ['finer than nine decimals', answering('0.0000000001')],
    ['a text', answering('"5"')],
    ['null', answering('null')],
    ['missing', anAnswer('{"usage":{}}')],
    ['missing, in something that is not JSON', anAnswer('words: 5')],
    ['behind a cut', anAnswer('{"usage":{"words":5', { truncated: true })],
    [
      'in bytes that are not UTF-8',
      anAnswer(Buffer.from('{"usage":{"words":5},"a":"\xff"}', 'latin1')),
    ],
  ])('that is %s is the fault of the seller, and nothing is charged', (_what, answer) => {
    expect(judge(offer, answer)).toMatchObject({
      delivered: false,
      code: 'upstream_failed',
      message: 'The answer has no valid quantity at /usage/words.',
    })
  })

  test('the last of two members with one name counts, as it does for JSON.parse', () => {
    const verdict = judge(offer, anAnswer('{"usage":{"words":1},"usage":{"words":2,"words":3}}'))
    expect(verdict).toMatchObject({ delivered: true, quantity: '3' })
  })

  test('is found in an answer of ten million characters beside a long number', () => {
    const text = `{"pad":"${'\\n'.repeat(5_000_000)}","n":12345678901234567890,"usage":{"words":2}}`
    expect(judge(offer, anAnswer(text))).toMatchObject({ delivered: true, quantity: '2' })
  })
})
