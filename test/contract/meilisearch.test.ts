/** The search contract on Meilisearch: on the stand-in always, on a real server where there is one. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { meilisearch, type Search } from '#search'
import { type AMeilisearch, aMeilisearch } from '../support/a-meilisearch.js'
import { searchContract } from './search.contract.js'
import { searchListsContract } from './search-lists.contract.js'

/** An index of its own, made as the gateway makes it. */
async function aSearchOn(url: string, key: string | undefined): Promise<Search> {
  const name = `souk-test-${randomBytes(6).toString('hex')}`
  const remote = meilisearch({ url, key, embedder: undefined }, name)
  await remote.next()
  await remote.swap()
  const search = (await remote.live())!
  return { ...search, close: () => remote.drop() }
}

describe('on the stand-in', () => {
  let server: AMeilisearch
  beforeAll(async () => {
    server = await aMeilisearch()
  })
  afterAll(() => server.close())

  const name = 'Meilisearch, of which this is a stand-in'
  searchContract(name, () => aSearchOn(server.url, server.key))
  searchListsContract(name, () => aSearchOn(server.url, server.key))
})

const { MEILI_URL, MEILI_KEY } = process.env
describe('on a real server', () => {
  if (MEILI_URL) {
    searchContract('Meilisearch', () => aSearchOn(MEILI_URL, MEILI_KEY))
    searchListsContract('Meilisearch', () => aSearchOn(MEILI_URL, MEILI_KEY))
  } else {
    test('keeps the search contract', ({ skip }) => {
      console.info('The search contract was not run on a real Meilisearch: MEILI_URL is not set.')
      skip('MEILI_URL is not set')
    })
  }
})
