import { expect, test } from 'vitest'
import type { Listing } from '#catalogue'
import { hasRoom } from './room.js'

const noonMs = Date.UTC(2026, 0, 15, 12)

/** What a ledger answers that has counted `used` in each of these windows. */
const counted = (used: Record<string, bigint>) => ({
  now: async () => noonMs,
  usedOf: async (windows: readonly { window: string }[]) =>
    windows.map(({ window }) => used[window.split(':')[0]!] ?? 0n),
})

const room = (
  limits: Listing['limits'],
  used: Record<string, bigint>,
  status: Listing['status'] = 'published',
) => hasRoom({ ledger: counted(used) }, { id: 'lst_1', limits, status })

test('a listing without limits always has room', async () => {
  expect(await room({}, { per_second: 1_000n })).toBe(true)
})

test('a listing has room until more than half of any limit is used', async () => {
  const limits = { per_minute: 10, concurrency: 4 }
  expect(await room(limits, { per_minute: 5n, concurrency: 2n })).toBe(true)
  expect(await room(limits, { per_minute: 6n, concurrency: 0n })).toBe(false)
  expect(await room(limits, { per_minute: 0n, concurrency: 3n })).toBe(false)
})

test('a listing that takes one call at a time has room only while none runs', async () => {
  expect(await room({ concurrency: 1 }, {})).toBe(true)
  expect(await room({ concurrency: 1 }, { concurrency: 1n })).toBe(false)
})

test('a listing that is paused has room while any is left: nobody buys', async () => {
  const limits = { per_day: 10 }
  expect(await room(limits, { per_day: 9n })).toBe(false)
  expect(await room(limits, { per_day: 9n }, 'paused')).toBe(true)
  expect(await room(limits, { per_day: 10n }, 'paused')).toBe(false)
})
