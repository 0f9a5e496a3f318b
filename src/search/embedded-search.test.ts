import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nanos } from '#core/money'
import { embeddedSearch } from './embedded-search.js'
import { readIndexFile, writeIndexFile } from './index-file.js'
import type { Search, SearchDocument } from './search.js'
import { LAYOUT } from './stored-index.js'

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

  test('keeps documents and revision over a restart', async () => {
    const before = await reopened()
    await before.put([document])
    await before.setRevision('12')
    const after = await reopened()
    expect(await after.revision()).toBe('12')
    expect(await after.find({ query: 'tide', limit: 5 })).toMatchObject({ items: ['tides.today'] })
    await after.remove(['tides.today'])
    await after.setRevision('13')
    expect(await (await reopened()).find({ limit: 5 })).toMatchObject({ items: [] })
  })

  test('is made anew when it is damaged', async () => {
    writeFileSync(file, 'This is no database. '.repeat(500))
    await expectEmptyAndUsable(await reopened())
  })

  test('is made anew when it has another layout', async () => {
    await (await reopened()).put([document])
    await search?.close()
    await writeIndexFile(file, 4711, (await readIndexFile(file, LAYOUT))!)
    await expectEmptyAndUsable(await reopened())
  })

  test('is made anew when a part of it changed or is missing', async () => {
    await (await reopened()).put([document])
    await search?.close()
    const whole = readFileSync(file)
    const changed = Buffer.from(whole).fill(0xff, whole.length - 64)
    for (const damaged of [whole.subarray(0, -64), changed]) {
      await search?.close()
      writeFileSync(file, damaged)
      await expectEmptyAndUsable(await reopened())
    }
  })

  test('a closed search is not ready and refuses at once; closing it twice is fine', async () => {
    const fresh = await reopened()
    const closings = [fresh.close(), fresh.close()]
    expect(await fresh.ready()).toBe(false)
    await Promise.all(closings)
    const busy = { code: 'busy', status: 503 }
    await expect(fresh.find({ limit: 1 })).rejects.toMatchObject(busy)
    await expect(fresh.put([document])).rejects.toMatchObject(busy)
    await fresh.close()
  })
})
