import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Principal } from '#accounts'
import { Problem } from '#core/problem'
import { createGuests, type Guest, whenOver } from './guests.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const principalOf = (keyId: string, account: object = {}) =>
  ({ key: { id: keyId }, account }) as unknown as Principal

const SUSPENSION = { suspension: { category: 'fraud', reason: 'found out', atMs: 0 } }

class Connection extends EventEmitter {
  destroyed = false
  close() {
    this.destroyed = true
    this.emit('close')
  }
}

function aHouse() {
  const guests = createGuests()
  return {
    guests,
    /** Somebody who stays, and who that is at the next look. */
    enter(keyId = 'key_1') {
      const connection = new Connection()
      const who = { look: async (): Promise<Principal> => principalOf(keyId), looks: 0 }
      const look = () => {
        who.looks++
        return who.look()
      }
      const guest = guests.receive(connection, { principal: principalOf(keyId), look })
      return { guest, who, connection }
    },
    someSeconds: () => vi.advanceTimersByTimeAsync(3_000),
  }
}

const isOver = ({ guest }: { guest: Guest }) => guest.over.aborted
const refusal = (code: 'unauthenticated' | 'busy') => new Problem(code, 'no')

test('who would not be let in any more has to go within seconds, and nobody else', async () => {
  const { enter, someSeconds, guests } = aHouse()
  const [revoked, suspended, good] = [enter(), enter(), enter()]
  const ended: string[] = []
  whenOver(revoked.guest, () => ended.push('revoked'))
  await someSeconds()
  expect([revoked, suspended, good].map(isOver)).toEqual([false, false, false])
  revoked.who.look = () => Promise.reject(refusal('unauthenticated'))
  suspended.who.look = async () => principalOf('key_1', SUSPENSION)
  await someSeconds()
  expect([revoked, suspended, good].map(isOver)).toEqual([true, true, false])
  expect(ended).toEqual(['revoked'])
  guests.close()
  expect(isOver(good)).toBe(true)
})

test('nobody has to go because the database does not answer', async () => {
  const { enter, someSeconds, guests } = aHouse()
  const one = enter()
  for (const error of [new Error('down'), refusal('busy')]) {
    one.who.look = () => Promise.reject(error)
    await someSeconds()
    expect(isOver(one)).toBe(false)
  }
  guests.close()
})

test('a guest is who it is now', async () => {
  const { enter, someSeconds, guests } = aHouse()
  const one = enter()
  const changed = principalOf('key_1', { name: 'new' })
  one.who.look = async () => changed
  await someSeconds()
  expect(one.guest.principal).toBe(changed)
  guests.close()
})

test('who has left is looked at no more', async () => {
  const { enter, someSeconds, guests } = aHouse()
  const { who, connection } = enter()
  connection.close()
  await someSeconds()
  expect(who.looks).toBe(0)
  guests.close()
})

test('a key holds 64 connections at most, and each that closes frees its place', () => {
  const { enter, guests } = aHouse()
  const all = Array.from({ length: 64 }, () => enter())
  expect(() => enter()).toThrow(expect.objectContaining({ code: 'busy' }))
  enter('key_2')
  all[0]!.connection.close()
  enter()
  expect(() => enter()).toThrow(expect.objectContaining({ code: 'busy' }))
  guests.close()
})

test('nobody in particular, and nobody who is suspended, is let in', () => {
  const { guests } = aHouse()
  const look = async () => undefined
  const enter = (principal?: Principal) => guests.receive(new Connection(), { principal, look })
  expect(() => enter()).toThrow(expect.objectContaining({ code: 'unauthenticated' }))
  const suspended = principalOf('key_1', SUSPENSION)
  expect(() => enter(suspended)).toThrow(expect.objectContaining({ code: 'account_suspended' }))
  guests.close()
})
