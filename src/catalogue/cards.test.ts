import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type ACatalogue,
  aCatalogue,
  aListing,
  anEndpoint,
} from '../../test/support/a-catalogue.js'

const DESCRIPTIONS = {
  same: 'Find a river.',
  repeated: 'find a river! By its name, or a part of it. At most 20.',
  longer: 'Find a river and its mouth. By name.',
  lines: 'Rivers that\nmatch. By name.',
  long: `${'Rivers of very many names '.repeat(10)}.`,
}

let world: ACatalogue
beforeAll(async () => {
  world = await aCatalogue()
  const endpoints = Object.entries(DESCRIPTIONS).map(([slug, description]) =>
    anEndpoint({ slug, title: 'Find a river', description }),
  )
  const { listing } = await world.catalogue.create(world.sellerId, aListing({ endpoints }))
  await world.catalogue.publish(world.sellerId, listing.id)
})
afterAll(() => world.close())

async function summaryOf(slug: keyof typeof DESCRIPTIONS): Promise<string> {
  const { results } = await world.catalogue.browse({ limit: 20 })
  return results.find(({ endpoint_id }) => endpoint_id === `wiki.${slug}`)!.summary
}

test('a summary is one sentence on one line', async () => {
  expect(await summaryOf('longer')).toBe('Find a river and its mouth.')
  expect(await summaryOf('lines')).toBe('Rivers that match.')
})

test('a summary does not say the title again', async () => {
  expect(await summaryOf('repeated')).toBe('By its name, or a part of it.')
  expect(await summaryOf('same')).toBe('')
})

test('a summary has at most 160 characters', async () => {
  const summary = await summaryOf('long')
  expect(summary).toMatch(/^Rivers of .*[^ ]…$/)
  expect(summary.length).toBeLessThanOrEqual(160)
})

test('what became private is no result, also of an index that does not know it yet', async () => {
  const found = async () => (await world.catalogue.browse({ limit: 20 })).results.length
  expect(await found()).toBe(Object.keys(DESCRIPTIONS).length)
  await world.store.db('listings').where({ slug: 'wiki' }).update({ visibility: 'private' })
  await world.reopen()
  expect(await found()).toBe(0)
})
