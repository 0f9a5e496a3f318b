import { afterAll, beforeAll, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { readSetting } from '#store'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { createWriteProof } from './write-proof.js'

const clock = handClock()
let opened: OpenedStore
beforeAll(async () => {
  opened = await aStore()
})
afterAll(() => opened.close())

const writtenAt = async () => Number(await readSetting(opened.store.db, 'written_at'))

test('all who ask within a second share one write, whichever way the clock steps', async () => {
  const prove = createWriteProof({ store: opened.store, clock })
  await Promise.all([prove(), prove()])
  const first = clock.now()
  expect(await writtenAt()).toBe(first)
  clock.advance(999)
  await prove()
  expect(await writtenAt()).toBe(first)
  clock.advance(1)
  await prove()
  expect(await writtenAt()).toBe(first + 1_000)
  clock.advance(-3_600_000)
  await prove()
  expect(await writtenAt()).toBe(clock.now())
})

test('a database that takes no writes is no proof, and is asked again a second later', async () => {
  let isFull = true
  const { store } = opened
  const disk: typeof store = {
    ...store,
    inTransaction: async (work) => {
      if (isFull) throw new Error('full')
      return store.inTransaction(work)
    },
  }
  const prove = createWriteProof({ store: disk, clock })
  await expect(prove()).rejects.toThrow('full')
  isFull = false
  await expect(prove()).rejects.toThrow('full')
  clock.advance(1_000)
  await prove()
})
