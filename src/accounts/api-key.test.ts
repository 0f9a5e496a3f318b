import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashSecret, isMistyped, newSecret } from './api-key.js'

test.each(['test', 'live'] as const)('a %s key has the form of the contract', (environment) => {
  const key = newSecret(environment)
  expect(key).toMatch(new RegExp(`^souk_${environment}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$`))
  expect(isMistyped(key)).toBe(false)
})

test('no two keys are alike', () => {
  expect(new Set(Array.from({ length: 1_000 }, () => newSecret('test'))).size).toBe(1_000)
})

test('one wrong character anywhere is a mistyped key', () => {
  const key = newSecret('test')
  const place = fc.integer({ min: 'souk_'.length, max: key.length - 1 })
  const character = fc.constantFrom(...'0123456789ABCXYZabcxyz_- ')
  fc.assert(
    fc.property(place, character, (at, wrong) => {
      fc.pre(key[at] !== wrong)
      expect(isMistyped(key.slice(0, at) + wrong + key.slice(at + 1))).toBe(true)
    }),
  )
})

test('two neighbours swapped, a lost and a doubled character are mistyped keys', () => {
  const key = newSecret('live')
  for (let at = 5; at < key.length - 1; at++) {
    const [a, b] = [key[at]!, key[at + 1]!]
    if (a !== b) expect(isMistyped(key.slice(0, at) + b + a + key.slice(at + 2))).toBe(true)
    expect(isMistyped(key.slice(0, at) + key.slice(at + 1))).toBe(true)
    expect(isMistyped(key.slice(0, at) + a + key.slice(at))).toBe(true)
  }
})

test('a secret of another form makes no such claim', () => {
  expect(isMistyped('an-operator-key-of-at-least-32-characters')).toBe(false)
})

test('the hash is SHA-256 in hex', () => {
  expect(hashSecret('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
