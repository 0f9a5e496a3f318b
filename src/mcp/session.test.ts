import { beforeEach, describe, expect, test } from 'vitest'
import type { Principal } from '#accounts'
import { handClock } from '#core/clock'
import { createSessions, ownerOf, type Sessions } from './session.js'

const HOUR_MS = 60 * 60 * 1_000
const principal = (id: string) => ({ key: { id } }) as unknown as Principal
const ada = ownerOf(principal('key_ada'), { id: '' })
const bob = ownerOf(principal('key_bob'), { id: '' })
const nobody = ownerOf(undefined, { id: '' })
const key = Buffer.alloc(32, 7)

let clock: ReturnType<typeof handClock>
let sessions: Sessions

beforeEach(() => {
  clock = handClock()
  sessions = createSessions({ key, clock })
})

test('a session is live for the key that began it, and for no other', () => {
  const id = sessions.begin(ada)
  expect(sessions.isLive(id, ada)).toBe(true)
  expect(sessions.isLive(id, bob)).toBe(false)
  expect(sessions.isLive(id, nobody)).toBe(false)
})

test('a session that was begun without a key is not one of a key', () => {
  const id = sessions.begin(nobody)
  expect(sessions.isLive(id, nobody)).toBe(true)
  expect(sessions.isLive(id, ada)).toBe(false)
})

test('a session ends after a day', () => {
  const id = sessions.begin(ada)
  clock.advance(24 * HOUR_MS - 1)
  expect(sessions.isLive(id, ada)).toBe(true)
  clock.advance(1)
  expect(sessions.isLive(id, ada)).toBe(false)
})

test('a session is live at every gateway that has the same key, and at none that has another', () => {
  const id = sessions.begin(ada)
  expect(createSessions({ key, clock }).isLive(id, ada)).toBe(true)
  expect(createSessions({ key: Buffer.alloc(32, 8), clock }).isLive(id, ada)).toBe(false)
})

test('an id has visible ASCII only, as the protocol demands, and no two are alike', () => {
  const ids = Array.from({ length: 100 }, () => sessions.begin(ada))
  for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]+$/)
  expect(new Set(ids).size).toBe(100)
})

describe('a forged id does not exist', () => {
  test('whichever part of it was changed', () => {
    const [random, untilMs, signature] = sessions.begin(ada).split('.') as [string, string, string]
    const forged = [
      `x${random.slice(1)}x.${untilMs}.${signature}`,
      `${random}.${Number(untilMs) + HOUR_MS}.${signature}`,
      `${random}.${untilMs}.${signature.slice(0, -1)}`,
      `${random}.${untilMs}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      `${random}.${untilMs}.`,
      `${random}.${untilMs}`,
    ]
    for (const id of forged) expect(sessions.isLive(id, ada), id).toBe(false)
  })

  test.each(['', '.', '..', 'a.b.c', 'ü.1.ü', '\u0000', 'x'.repeat(10_000)])('%j', (id) => {
    expect(sessions.isLive(id, ada)).toBe(false)
  })
})

describe('ending', () => {
  test('is for the key that began it', () => {
    const id = sessions.begin(ada)
    expect(sessions.end(id, bob)).toBe(false)
    expect(sessions.isLive(id, ada)).toBe(true)
    expect(sessions.end(id, ada)).toBe(true)
    expect(sessions.isLive(id, ada)).toBe(false)
    expect(sessions.end(id, ada)).toBe(false)
  })

  test.each([undefined, ['a', 'b'], 'nothing'])('of %j ends nothing', (id) => {
    expect(sessions.end(id, ada)).toBe(false)
  })

  test('is final even when the same id is spelt with something behind it', () => {
    const id = sessions.begin(ada)
    sessions.end(id, ada)
    expect(sessions.isLive(`${id}.x`, ada)).toBe(false)
  })
})

test('a session of one address is none of another', () => {
  const id = sessions.begin(ada)
  expect(sessions.isLive(id, ownerOf(principal('key_ada'), { id: 'gw_1' }))).toBe(false)
})
