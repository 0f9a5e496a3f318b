import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openStore, type Store } from '#store'
import { createStandings, FIRST_PLACE, type Standings } from './standing.js'

const noonMs = Date.UTC(2026, 0, 15, 12)

let folder: string
let store: Store
let standings: Standings

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'souk-standing-'))
  store = await openStore({ file: join(folder, 'souk.db') })
})

beforeEach(async () => {
  await store.db('endpoint_standings').delete()
  await store.db('settings').where({ name: 'market_opinion' }).delete()
  standings = fresh()
})

afterAll(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

/** As after a restart, or in another gateway: nothing in memory. */
const fresh = () => createStandings({ store })

const of = async (endpointId = 'wiki.search') => (await standings.of([endpointId])).get(endpointId)!

const setRatings = (sum: number, count: number, weight = 0, endpointId = 'wiki.search') =>
  standings.setRatings(endpointId, async () => {
    return { sum, count, weight, weighted: (weight * sum) / count }
  })

function observe(latencies: number[], endpointId = 'wiki.search'): void {
  for (const [i, latencyMs] of latencies.entries()) {
    const delivered = latencyMs > 0
    const latency = { latencyMs: Math.abs(latencyMs), atMs: noonMs + i }
    standings.observe({ endpointId, delivered, ...latency, buyerId: 'acct_1' })
  }
}

test('nothing is known of what nobody called', async () => {
  expect(await of()).toEqual({
    endpointId: 'wiki.search',
    score: null,
    liking: 0,
    rating: null,
    ratings: 0,
    uptime: null,
    latencyMs: null,
    latencyP95Ms: null,
    calls: 0,
    checkedAtMs: null,
  })
})

describe('what calls measured', () => {
  test('shows at once: the share that was delivered, the median of those, the time of the last', async () => {
    observe([30, -5, 10, 20, 40])
    expect(await of()).toMatchObject({
      uptime: 0.8,
      latencyMs: 20,
      calls: 5,
      checkedAtMs: noonMs + 4,
    })
  })

  test('of a probe is measured, and is no call', async () => {
    observe([10])
    standings.observe({ endpointId: 'wiki.search', delivered: false, latencyMs: 5, atMs: noonMs })
    expect(await of()).toMatchObject({ uptime: 0.5, calls: 1 })
    await standings.flush()
    expect(await of()).toMatchObject({ uptime: 0.5, calls: 1 })
  })

  test('gives the latency that half and nearly all of the answers stay within', async () => {
    observe(Array.from({ length: 100 }, (_, i) => i + 1))
    expect(await of()).toMatchObject({ latencyMs: 50, latencyP95Ms: 95 })
  })

  test('has no latency where nothing was delivered', async () => {
    observe([-3, -4])
    expect(await of()).toMatchObject({ uptime: 0, latencyMs: null })
  })

  test('counts an answer of less than half a millisecond as delivered', async () => {
    standings.observe({ endpointId: 'wiki.search', delivered: true, latencyMs: 0.2, atMs: noonMs })
    expect(await of()).toMatchObject({ uptime: 1, latencyMs: 1 })
  })

  test('is each endpoint’s own', async () => {
    observe([10])
    observe([-1], 'wiki.page')
    expect((await of()).uptime).toBe(1)
    expect((await of('wiki.page')).uptime).toBe(0)
  })
})

describe('a flush', () => {
  test('leaves what changed to be read in the order of the writing, each once', async () => {
    observe([10, 20])
    await standings.flush()
    observe([-1], 'wiki.page')
    await standings.flush()
    await standings.flush()
    const { changed, place } = await standings.changedAfter(FIRST_PLACE)
    expect(changed.map(({ endpointId, uptime }) => [endpointId, uptime])).toEqual([
      ['wiki.search', 1],
      ['wiki.page', 0],
    ])
    expect(await standings.changedAfter(place)).toEqual({ changed: [], place })
    observe([10])
    await standings.flush()
    expect((await standings.changedAfter(place)).changed).toMatchObject([{ calls: 3 }])
  })

  test('survives a restart, and what comes later adds to it', async () => {
    observe([10, -10])
    await standings.flush()
    await setRatings(9, 2)
    standings = fresh()
    observe([30, 40])
    await standings.flush()
    standings = fresh()
    expect(await of()).toEqual({
      endpointId: 'wiki.search',
      score: 3.5,
      liking: 0,
      rating: 4.5,
      ratings: 2,
      uptime: 0.75,
      latencyMs: 30,
      latencyP95Ms: 40,
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
    expect(await of()).toMatchObject({ calls: 3, latencyMs: 20 })
  })
})

test('a flush that fails keeps what was observed for the next one', async () => {
  await setRatings(5, 1)
  observe([10, 20])
  await store.db.raw(
    "create trigger full before insert on endpoint_standings begin select raise(abort, 'full'); end",
  )
  await expect(standings.flush()).rejects.toThrow('full')
  observe([-1])
  await store.db.raw('drop trigger full')
  await standings.flush()
  standings = fresh()
  expect(await of()).toMatchObject({ calls: 3, uptime: 0.6667, ratings: 1 })
})

describe('what buyers said', () => {
  test('is a mean of two decimals with its number', async () => {
    await setRatings(14, 3)
    expect(await of()).toMatchObject({ rating: 4.67, ratings: 3 })
  })

  test('leaves what calls measured as it is', async () => {
    observe([10, -1])
    await setRatings(5, 1)
    expect(await of()).toMatchObject({ rating: 5, uptime: 0.5, calls: 2 })
  })

  test('of who paid nothing leaves the score at the mean of all', async () => {
    await setRatings(5, 1)
    expect(await of()).toMatchObject({ rating: 5, score: 3.5, liking: 0 })
  })

  test('moves the score from the mean of all towards the marks, by weight', async () => {
    await setRatings(5, 1, 0.1)
    const little = (await of()).score!
    await setRatings(5, 1, 3)
    const some = (await of()).score!
    await setRatings(5, 1, 300)
    const much = (await of()).score!
    expect(little).toBeGreaterThan(3.5)
    expect(little).toBeLessThan(3.6)
    expect(some).toBeGreaterThan(4.1)
    expect(some).toBeLessThan(4.5)
    expect(much).toBeGreaterThan(4.95)
  })

  test('that moves the mean of all is told of every endpoint with a mark, and of no other', async () => {
    await setRatings(4, 1, 0, 'wiki.page')
    observe([10], 'wiki.quiet')
    await standings.flush()
    const { place } = await standings.changedAfter(FIRST_PLACE)
    await setRatings(5, 1, 0.1)
    const slight = await standings.changedAfter(place)
    expect(slight.changed.map(({ endpointId }) => endpointId)).toEqual(['wiki.search'])
    await setRatings(5, 1, 50)
    const { changed } = await standings.changedAfter(slight.place)
    expect(changed.map(({ endpointId }) => endpointId).sort()).toEqual(['wiki.page', 'wiki.search'])
    const page = changed.find(({ endpointId }) => endpointId === 'wiki.page')!
    expect(page.score).toBeGreaterThan(4.5)
    expect(page.score).toBe((await of('wiki.page')).score)
  })
})
