import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { handClock } from '#core/clock'
import { Problem } from '#core/problem'
import { createKeptSessions, type KeptSession } from './kept-sessions.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

type State = { isBusy: boolean; isListening: boolean; isClosed: boolean; over: AbortController }

function someSessions() {
  const clock = handClock()
  const sessions = createKeptSessions(clock)
  return {
    sessions,
    /** Lets time go by, timers included. */
    wait(ms: number) {
      clock.advance(ms)
      vi.advanceTimersByTime(ms)
    },
    add(id: string, keyId = 'key_1'): State {
      const over = new AbortController()
      const state: State = { isBusy: false, isListening: false, isClosed: false, over }
      const session = {
        ...{ server: 'wiki', isBusy: () => state.isBusy },
        close() {
          state.isClosed = true
          sessions.forget(id)
        },
      }
      const streams = { isListening: () => state.isListening }
      const known = { id, owner: keyId, keyId, primes: true, usedMs: clock.now() }
      const kept = { ...known, session, streams, guest: { over: over.signal } }
      sessions.add(kept as unknown as KeptSession)
      return state
    },
  }
}

test('a session that nobody used for half an hour ends, but for one that runs or listens', () => {
  const { add, wait, sessions } = someSessions()
  const [idle, busy, listening] = [add('a'), add('b'), add('c')]
  busy.isBusy = true
  listening.isListening = true
  wait(29 * 60_000)
  expect(idle.isClosed).toBe(false)
  wait(3 * 60_000)
  expect([idle, busy, listening].map(({ isClosed }) => isClosed)).toEqual([true, false, false])
  sessions.close()
})

test('a session whose key is no good any more ends when what runs there is done', () => {
  const { add, wait, sessions } = someSessions()
  const [good, busy] = [add('a'), add('b')]
  busy.isBusy = true
  busy.over.abort()
  wait(60_000)
  expect([good, busy].map(({ isClosed }) => isClosed)).toEqual([false, false])
  busy.isBusy = false
  wait(60_000)
  expect([good, busy].map(({ isClosed }) => isClosed)).toEqual([false, true])
  sessions.close()
})

test('the 65th session of a key takes the place of its longest unused one', () => {
  const { add, wait, sessions } = someSessions()
  const other = add('other', 'key_2')
  wait(1)
  const own = Array.from({ length: 64 }, (_, index) => {
    wait(1)
    return add(String(index))
  })
  own[0]!.isBusy = true
  sessions.takePlace('key_1')
  const closed = own.flatMap(({ isClosed }, index) => (isClosed ? [index] : []))
  expect([closed, other.isClosed]).toEqual([[1], false])
  for (const state of own) state.isBusy = true
  add('last').isBusy = true
  expect(() => sessions.takePlace('key_1')).toThrow(Problem)
  sessions.close()
})

test('sessions that are still being opened count', () => {
  const { sessions, add } = someSessions()
  const done = Array.from({ length: 64 }, () => sessions.takePlace('key_1'))
  expect(() => sessions.takePlace('key_1')).toThrow(Problem)
  done[0]!()
  const state = add('a')
  sessions.takePlace('key_1')
  expect(state.isClosed).toBe(true)
  sessions.close()
})

test('closing ends all of them', () => {
  const { sessions, add } = someSessions()
  const all = [add('a'), add('b', 'key_2')]
  sessions.close()
  expect(all.every(({ isClosed }) => isClosed)).toBe(true)
})
