import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createVault } from './vault.js'

const master = Buffer.alloc(32, 7)
const vault = createVault(master)
const owner = 'acct_01|lst_01'
const refusal = 'the sealed record does not open'

const sealers = [
  ['a key of its own', vault],
  ['a shared key', vault.forMany()],
] as const

describe.each(sealers)('a record with %s', (_what, sealer) => {
  test('opens for its owner, whatever is sealed', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ maxLength: 2048 }), (name, plaintext) => {
        const sealed = sealer.seal(name, plaintext)
        expect(sealer.open(name, sealed)).toEqual(Buffer.from(plaintext))
        expect(createVault(master).open(name, sealed)).toEqual(Buffer.from(plaintext))
      }),
    )
  })

  test('never opens for another owner', () => {
    const mine = sealer.seal(owner, Buffer.from('a secret of mine'))
    const theirs = sealer.seal('acct_02|lst_01', Buffer.from('a secret of theirs'))
    expect(() => vault.open('acct_02|lst_01', mine)).toThrow(refusal)
    expect(() => vault.open(owner, theirs)).toThrow(refusal)
  })

  test('does not open with a flipped bit anywhere', () => {
    const sealed = sealer.seal(owner, Buffer.from('sk_live_0123456789'))
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const altered = Buffer.from(sealed)
      altered[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => vault.open(owner, altered), `bit ${bit}`).toThrow(refusal)
    }
  })
})

test('records of one sealer for many share a data key, those of another do not', () => {
  const sealer = vault.forMany()
  const heads = [sealer, sealer, vault.forMany()].map((one) =>
    one.seal(owner, Buffer.from('body')).subarray(0, 61).toString('hex'),
  )
  expect(heads[0]).toBe(heads[1])
  expect(heads[2]).not.toBe(heads[0])
})

test('the wrapped key of one record does not open another record of the same owner', () => {
  const first = vault.seal(owner, Buffer.from('first secret'))
  const second = vault.seal(owner, Buffer.from('other secret'))
  const mixed = Buffer.concat([first.subarray(0, 61), second.subarray(61)])
  expect(() => vault.open(owner, mixed)).toThrow(refusal)
})

test('a shortened or lengthened record fails', () => {
  const sealed = vault.seal(owner, Buffer.from('sk_live_0123456789'))
  for (let length = 0; length < sealed.length; length++) {
    expect(() => vault.open(owner, sealed.subarray(0, length))).toThrow(refusal)
  }
  expect(() => vault.open(owner, Buffer.concat([sealed, Buffer.of(0)]))).toThrow(refusal)
})

test('another master key opens nothing and has another fingerprint', () => {
  const other = createVault(randomBytes(32))
  expect(() => other.open(owner, vault.seal(owner, Buffer.from('a secret')))).toThrow(refusal)
  expect(other.fingerprint).not.toBe(vault.fingerprint)
  expect(createVault(Buffer.alloc(32, 7)).fingerprint).toBe(vault.fingerprint)
})

test('sealed bytes show neither the plaintext nor that two secrets are equal', () => {
  const secret = 'sk_live_this_is_the_secret'
  const first = vault.seal(owner, Buffer.from(secret))
  const second = vault.seal(owner, Buffer.from(secret))
  expect(first.includes(secret)).toBe(false)
  expect(first.subarray(1).equals(second.subarray(1))).toBe(false)
})

test('the fingerprint and a derived key never contain the master key', () => {
  const key = vault.deriveKey('quotes')
  expect(key).toHaveLength(32)
  expect(key).toEqual(createVault(master).deriveKey('quotes'))
  expect(key).not.toEqual(vault.deriveKey('receipts'))
  expect(key).not.toEqual(master)
  expect(vault.fingerprint).toMatch(/^[0-9a-f]{32}$/)
  expect(vault.fingerprint).not.toContain(master.toString('hex').slice(0, 8))
})

test('a vault keeps working when the caller wipes its copy of the master key', () => {
  const borrowed = randomBytes(32)
  const kept = createVault(borrowed)
  const fresh = createVault(Buffer.from(borrowed))
  borrowed.fill(0)
  expect(fresh.open(owner, kept.seal(owner, Buffer.from('a secret'))).toString()).toBe('a secret')
  expect(kept.deriveKey('quotes')).toEqual(fresh.deriveKey('quotes'))
})

test('a master key of another length is refused at once', () => {
  expect(() => createVault(Buffer.alloc(31))).toThrow('32 bytes')
})
