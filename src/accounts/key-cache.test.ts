import { beforeEach, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { aPrincipal } from '../../test/support/an-offer.js'
import type { Principal } from './accounts.js'
import { createKeyCache, type KeyCache } from './key-cache.js'

const HOUR_MS = 60 * 60 * 1_000

let clock: ReturnType<typeof handClock>
let cache: KeyCache
let looks: number
beforeEach(() => {
  clock = handClock()
  cache = createKeyCache(clock)
  looks = 0
})

async function find(): Promise<Principal> {
  looks++
  return aPrincipal()
}

test('a key is looked up once in two seconds', async () => {
  await cache.read('hash', find)
  clock.advance(1_999)
  await cache.read('hash', find)
  expect(looks).toBe(1)
  clock.advance(1)
  await cache.read('hash', find)
  expect(looks).toBe(2)
})

test('a key is not looked up again while none is known to have changed', async () => {
  await cache.read('hash', find)
  for (let second = 0; second < 10; second++) {
    clock.advance(1_000)
    cache.confirm(clock.now())
    await cache.read('hash', find)
  }
  expect(looks).toBe(1)
  clock.advance(2_000)
  await cache.read('hash', find)
  expect(looks).toBe(2)
})

test('a clock that steps back makes no entry live longer', async () => {
  await cache.read('hash', find)
  clock.advance(-HOUR_MS)
  await cache.read('hash', find)
  expect(looks).toBe(2)
})

test('however many ask for a key at the same time, it is looked up once', async () => {
  const found = await Promise.all(Array.from({ length: 1_000 }, () => cache.read('hash', find)))
  expect(new Set(found).size).toBe(1)
  expect(looks).toBe(1)
})

test('a look that fails fails for those who wait, and the next one looks again', async () => {
  const fail = async () => {
    looks++
    throw new Error('no database')
  }
  const both = await Promise.allSettled([cache.read('hash', fail), cache.read('hash', fail)])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await cache.read('hash', find)).toBeDefined()
  expect(looks).toBe(2)
})

test('who asks after a clearing does not join a look that began before it', async () => {
  let finish: (principal: Principal) => void = () => {}
  const old = cache.read('hash', () => new Promise((resolve) => (finish = resolve)))
  cache.clear()
  const fresh = cache.read('hash', find)
  finish(aPrincipal())
  expect(await old).not.toBe(await fresh)
  expect(await cache.read('hash', find)).toBe(await fresh)
  expect(looks).toBe(1)
})

test('a key that does not exist is not kept', async () => {
  const miss = async () => undefined
  expect(await cache.read('hash', miss)).toBeUndefined()
  expect(await cache.read('hash', find)).toBeDefined()
})
