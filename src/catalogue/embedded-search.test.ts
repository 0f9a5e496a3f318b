import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nanos } from '#core/money'
import { embeddedSearch, qualityOf } from './embedded-search.js'
import type { Search, SearchDocument, Standing } from './search.js'

const document: SearchDocument = {
  endpointId: 'tides.today',
  title: 'Tide tables',
  description: 'High and low water.',
  method: 'GET',
  path: '/tides',
  listingTitle: 'Tides',
  listingDescription: 'The sea.',
  category: 'sea',
  sellerId: 'acct_1',
  sellerName: 'Harbour',
  sellerSlug: 'harbour',
  parameters: ['port'],
  free: true,
  maxTotal: nanos(0n),
}

describe('the file of the index', () => {
  let folder: string
  let file: string
  let search: Search | undefined

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'souk-search-'))
    file = join(folder, 'search.sqlite')
  })

  afterEach(async () => {
    await search?.close()
    rmSync(folder, { recursive: true })
  })

  async function reopened(): Promise<Search> {
    await search?.close()
    search = embeddedSearch(file)
    return search
  }

  async function expectEmptyAndUsable(fresh: Search): Promise<void> {
    expect(await fresh.revision()).toBeUndefined()
    expect(await fresh.find({ limit: 5 })).toEqual({ items: [] })
    await fresh.put([document])
    expect(await fresh.find({ query: 'tide', limit: 5 })).toEqual({ items: ['tides.today'] })
  }

  test('keeps documents, standings and revision over a restart', async () => {
    const before = await reopened()
    await before.put([document])
    await before.putStanding([{ ...unknown, endpointId: 'tides.today', rating: 4, ratings: 1 }])
    await before.setRevision('12')
    const after = await reopened()
    expect(await after.revision()).toBe('12')
    expect(await after.find({ query: 'tide', minRating: 4, limit: 5 })).toEqual({
      items: ['tides.today'],
    })
  })

  test('is made anew when it is damaged', async () => {
    writeFileSync(file, 'This is no database. '.repeat(500))
    await expectEmptyAndUsable(await reopened())
  })

  test('is made anew when it has another layout', async () => {
    const foreign = new Database(file)
    foreign.exec('create table documents (other text); pragma user_version = 4711')
    foreign.close()
    await expectEmptyAndUsable(await reopened())
  })

  test('a failed put leaves nothing behind', async () => {
    const fresh = await reopened()
    const broken = { ...document, endpointId: 'b.b', category: null as unknown as string }
    await expect(fresh.put([document, broken])).rejects.toThrow()
    expect(await fresh.find({ limit: 5 })).toEqual({ items: [] })
    expect(await fresh.find({ query: 'tide', limit: 5 })).toEqual({ items: [] })
  })

  test('a closed search is not ready, and closing it twice is fine', async () => {
    const fresh = await reopened()
    await fresh.close()
    await fresh.close()
    expect(await fresh.ready()).toBe(false)
  })
})

const unknown: Standing = {
  endpointId: 'a.b',
  rating: null,
  ratings: 0,
  uptime: null,
  latencyMs: null,
  calls: 0,
}

describe('the quality of an endpoint', () => {
  test('is neutral while nothing is known', () => {
    expect(qualityOf(unknown)).toBe(0)
  })

  test('rises with the rating, more so the more gave it', () => {
    const rated = (rating: number, ratings: number) => qualityOf({ ...unknown, rating, ratings })
    expect(rated(5, 1)).toBeGreaterThan(0)
    expect(rated(5, 50)).toBeGreaterThan(rated(5, 1))
    expect(rated(5, 1)).toBeLessThan(rated(4, 50))
    expect(rated(1, 50)).toBeLessThan(rated(1, 1))
  })

  test('rises with uptime and falls with latency, once there were calls', () => {
    const called = (uptime: number, latencyMs: number, calls = 100) =>
      qualityOf({ ...unknown, uptime, latencyMs, calls })
    expect(called(1, 200)).toBeGreaterThan(called(0.96, 200))
    expect(called(1, 200)).toBeGreaterThan(called(1, 4_000))
    expect(called(0.5, 200)).toBeLessThan(0)
    expect(called(1, 200, 1)).toBeLessThan(called(1, 200, 100))
  })

  test('stays between -1 and 1', () => {
    const standing = fc.record<Standing>({
      endpointId: fc.constant('a.b'),
      rating: fc.option(fc.double({ min: 1, max: 5, noNaN: true })),
      ratings: fc.nat(),
      uptime: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      latencyMs: fc.option(fc.nat()),
      calls: fc.nat(),
    })
    fc.assert(
      fc.property(standing, (any) => {
        expect(Math.abs(qualityOf(any))).toBeLessThanOrEqual(1)
      }),
    )
  })
})
