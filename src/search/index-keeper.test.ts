import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { aDocument } from '../../test/contract/search-documents.js'
import { keepIndex } from './index-keeper.js'
import { loadIndex } from './stored-index.js'
import type { IndexWork } from './thread-messages.js'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'souk-keeper-'))
  file = join(folder, 'search.index')
})

afterEach(() => rmSync(folder, { recursive: true }))

const documents = (from: number, to: number, title = 'Tides') =>
  Array.from({ length: to - from }, (_, n) => aDocument(`l${n % 9}.e${from + n}`, { title }))

async function found(index: IndexWork, query = ''): Promise<string[]> {
  const page = await index.find({ query, limit: 10_000, place: { kind: 'first' } })
  return page.ids
}

describe('what was stored', () => {
  test('is what was there: documents, and the revision that they stand for', async () => {
    const index = await keepIndex(file)
    await index.put(documents(0, 10))
    await index.setRevision('7')
    await index.remove(['l0.e0'])
    await index.close()
    const again = await keepIndex(file)
    expect(await again.revision()).toBe('7')
    expect(await found(again)).toHaveLength(9)
    await again.close()
  })

  test('never has a later revision than its documents, whenever it is stored', async () => {
    const index = await keepIndex(file)
    const stored: { revision: number; count: number }[] = []
    for (let round = 0; round < 40; round++) {
      await index.put(documents(round * 250, (round + 1) * 250))
      await index.setRevision(String(round))
      const seen = await loadIndex(file)
      if (seen) stored.push({ revision: Number(seen.revision), count: seen.documents.ids.length })
    }
    await index.close()
    expect(new Set(stored.map(({ revision }) => revision)).size).toBeGreaterThan(1)
    for (const { revision, count } of stored) {
      expect(count).toBeGreaterThanOrEqual((revision + 1) * 250)
    }
  })
})

test('a search is answered while the index is folded and stored, with all that was put', async () => {
  const index = await keepIndex(file)
  await index.put(documents(0, 3_000))
  const putting = index.put(documents(0, 3_000, 'Trains'))
  const searches: Promise<string[]>[] = []
  for (let n = 0; n < 20; n++) searches.push(found(index))
  for (const ids of await Promise.all(searches)) expect(new Set(ids).size).toBe(3_000)
  await putting
  expect(await found(index, 'tide')).toEqual([])
  await index.close()
})

test('the same id may be put, removed and put again while the index is stored', async () => {
  const index = await keepIndex(file)
  await index.put(documents(0, 2_500))
  const [document] = documents(0, 1, 'Brolly')
  const work = [index.put([document!]), index.remove(['l0.e0']), index.put([document!])]
  await Promise.all([...work, index.remove(['l1.e1'])])
  await index.close()
  const again = await keepIndex(file)
  expect(await found(again, 'brolly')).toEqual(['l0.e0'])
  expect(await found(again)).toHaveLength(2_499)
  await again.close()
})

test('where the file cannot be written, that is reported and everything is found all the same', async () => {
  const faults: unknown[] = []
  const index = await keepIndex(join(folder, 'missing', 'search.index'), (it) => faults.push(it))
  for (let round = 0; round < 5; round++) await index.put(documents(0, 1_000, `Tides ${round}`))
  expect(await found(index)).toHaveLength(1_000)
  await index.close()
  expect(faults[0]).toMatchObject({ code: 'ENOENT' })
  expect(existsSync(join(folder, 'missing'))).toBe(false)
})

test('what is put again and again takes no more room, on the disk and in the index', async () => {
  const index = await keepIndex(file)
  for (let round = 0; round < 40; round++) {
    const again = documents(0, 500).map((document, n) => ({
      ...document,
      description: `Of ${round}x${n}.`,
      listingTitle: `Name ${round}`,
    }))
    await index.put(again)
    await index.find({ query: 'tide', limit: 5, place: { kind: 'first' } })
  }
  await index.close()
  const stored = (await loadIndex(file))!
  expect(stored.documents.ids).toHaveLength(500)
  // Of 20,000 words that were there once.
  expect(stored.words.length).toBeLessThan(15_000)
  expect(stored.listings.provider.words.length).toBeLessThan(9 * 10)
  expect(stored.postings.entries.length).toBeLessThan(500 * 20)
})

describe('after a crash', () => {
  let child: ChildProcess | undefined

  afterEach(() => child?.kill('SIGKILL'))

  /** Puts 50 documents a revision, as the catalogue does, and says each revision that was set. */
  const CRASHING = `
    import { keepIndex } from ${JSON.stringify(join(import.meta.dirname, 'index-keeper.ts'))}
    import { aDocument } from ${JSON.stringify(join(import.meta.dirname, '../../test/contract/search-documents.ts'))}
    const index = await keepIndex(process.argv[1])
    for (let revision = 0; ; revision++) {
      const from = (revision % 100) * 50
      const some = Array.from({ length: 50 }, (_, n) => aDocument('l.e' + (from + n), { title: 'Round r' + revision }))
      await index.remove(some.map(({ endpointId }) => endpointId))
      if (revision % 3 > 0) await index.put(some)
      await index.setRevision(String(revision))
      console.log(revision)
    }`

  test.each([0, 90, 210])(
    'of the process, in the middle of its work (%i), the file holds what its revision says',
    async (last) => {
      const loader = ['--conditions=souk-source', '--import', 'tsx', '--input-type=module']
      child = spawn(process.execPath, [...loader, '-e', CRASHING, file], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      for await (const line of createInterface({ input: child.stdout! })) {
        if (Number(line) >= last && existsSync(file)) break
      }
      child.kill('SIGKILL')
      await once(child, 'exit')
      const index = await keepIndex(file)
      const revision = Number((await index.revision()) ?? -1)
      expect(revision).toBeGreaterThan(0)
      // Whatever later portions it holds are put or removed again by the catalogue; none is missing.
      for (let behind = Math.max(0, revision - 40); behind <= revision; behind++) {
        const ids = await found(index, `r${behind}`)
        expect(ids).toHaveLength(behind % 3 > 0 ? 50 : 0)
      }
      await index.close()
    },
    30_000,
  )
})
