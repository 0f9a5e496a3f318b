import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openStore, type Store } from '#store'
import type { Search, Standing } from './search.js'
import { createStandings, type Standings } from './standing.js'

const noonMs = Date.UTC(2026, 0, 15, 12)

let folder: string
let store: Store
let told: Standing[]
let standings: Standings

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'souk-standing-'))
  store = await openStore({ file: join(folder, 'souk.db') })
})

beforeEach(async () => {
  await store.db('endpoint_standings').delete()
  told = []
  standings = fresh()
})

afterAll(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

/** As after a restart: nothing in memory. */
function fresh(): Standings {
  const putStanding: Search['putStanding'] = async (changed) => void told.push(...changed)
  return createStandings({ db: store.db, search: { putStanding } as Search })
}

function observe(latencies: number[], endpointId = 'wiki.search'): void {
  for (const [i, latencyMs] of latencies.entries()) {
    const delivered = latencyMs > 0
    standings.observe({ endpointId, delivered, latencyMs: Math.abs(latencyMs), atMs: noonMs + i })
  }
}

test('nothing is known of what nobody called', async () => {
  expect(await standings.of('wiki.search')).toEqual({
    endpointId: 'wiki.search',
    rating: null,
    ratings: 0,
    uptime: null,
    latencyMs: null,
    calls: 0,
    checkedAtMs: null,
  })
})

describe('what calls measured', () => {
  test('shows at once: the share that was delivered, the median of those, the time of the last', async () => {
    observe([30, -5, 10, 20, 40])
    expect(await standings.of('wiki.search')).toMatchObject({
      uptime: 0.8,
      latencyMs: 20,
      calls: 5,
      checkedAtMs: noonMs + 4,
    })
  })

  test('looks at the latest hundred calls, and counts all', async () => {
    observe(Array.from({ length: 100 }, () => -1))
    observe(Array.from({ length: 99 }, () => 7))
    expect(await standings.of('wiki.search')).toMatchObject({
      uptime: 0.99,
      latencyMs: 7,
      calls: 199,
    })
  })

  test('has no latency where nothing was delivered', async () => {
    observe([-3, -4])
    expect(await standings.of('wiki.search')).toMatchObject({ uptime: 0, latencyMs: null })
  })

  test('counts an answer of less than half a millisecond as delivered', async () => {
    standings.observe({ endpointId: 'wiki.search', delivered: true, latencyMs: 0.2, atMs: noonMs })
    expect(await standings.of('wiki.search')).toMatchObject({ uptime: 1, latencyMs: 1 })
  })

  test('is each endpoint’s own', async () => {
    observe([10])
    observe([-1], 'wiki.page')
    expect((await standings.of('wiki.search')).uptime).toBe(1)
    expect((await standings.of('wiki.page')).uptime).toBe(0)
  })
})

describe('a flush', () => {
  test('writes what changed and tells the search, once', async () => {
    observe([10, 20])
    observe([-1], 'wiki.page')
    await standings.flush()
    expect(told.map(({ endpointId, uptime }) => [endpointId, uptime])).toEqual([
      ['wiki.search', 1],
      ['wiki.page', 0],
    ])
    await standings.flush()
    expect(told).toHaveLength(2)
  })

  test('survives a restart, and what comes later adds to it', async () => {
    observe([10, -10])
    await standings.setRatings('wiki.search', { sum: 9, count: 2 })
    standings = fresh()
    observe([30, 40])
    await standings.flush()
    standings = fresh()
    expect(await standings.of('wiki.search')).toEqual({
      endpointId: 'wiki.search',
      rating: 4.5,
      ratings: 2,
      uptime: 0.75,
      latencyMs: 30,
      calls: 4,
      checkedAtMs: noonMs + 1,
    })
  })

  test('loses nothing that is observed while it runs', async () => {
    observe([10])
    const running = standings.flush()
    observe([20])
    await running
    observe([30])
    await standings.flush()
    standings = fresh()
    expect(await standings.of('wiki.search')).toMatchObject({ calls: 3, latencyMs: 20 })
  })
})

describe('what buyers said', () => {
  test('is told to the search at once, as a mean of two decimals with its number', async () => {
    await standings.setRatings('wiki.search', { sum: 14, count: 3 })
    expect(told).toMatchObject([{ endpointId: 'wiki.search', rating: 4.67, ratings: 3 }])
  })

  test('leaves what calls measured as it is', async () => {
    observe([10, -1])
    await standings.setRatings('wiki.search', { sum: 5, count: 1 })
    expect(told.at(-1)).toMatchObject({ rating: 5, uptime: 0.5, calls: 2 })
  })
})
