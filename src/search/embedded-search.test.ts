import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nanos } from '#core/money'
import { embeddedSearch } from './embedded-search.js'
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
  parameters: [{ name: 'port', description: '' }],
  tags: [],
  host: 'api.example.com',
  changedAtMs: 0,
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
    expect(await fresh.find({ limit: 5 })).toMatchObject({ items: [] })
    await fresh.put([document])
    expect(await fresh.find({ query: 'tide', limit: 5 })).toMatchObject({ items: ['tides.today'] })
  }

  test('keeps documents, standings and revision over a restart', async () => {
    const before = await reopened()
    await before.put([document])
    await before.putStanding([
      { ...unknown, endpointId: 'tides.today', score: 4, rating: 4, ratings: 1 },
    ])
    await before.setRevision('12')
    const after = await reopened()
    expect(await after.revision()).toBe('12')
    expect(await after.find({ query: 'tide', minRating: 4, limit: 5 })).toMatchObject({
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
    expect(await fresh.find({ limit: 5 })).toMatchObject({ items: [] })
    expect((await fresh.find({ query: 'tide', limit: 5 })).items).toEqual([])
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
  score: null,
  rating: null,
  ratings: 0,
  uptime: null,
  latencyMs: null,
  calls: 0,
}
