import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type ACatalogue,
  aCatalogue,
  aListing,
  anEndpoint,
} from '../../test/support/a-catalogue.js'
import type { Json } from '../../test/support/world.js'

let world: ACatalogue
let listingId: string

beforeAll(async () => {
  world = await aCatalogue()
  const { listing } = await world.catalogue.create(world.sellerId, aListing())
  listingId = listing.id
  await world.catalogue.publish(world.sellerId, listingId)
})

afterAll(() => world.close())

const describeIt = (version?: number) => world.catalogue.describe('wiki.search', version)

async function change(endpoint: Json) {
  world.clock.advance(60_000)
  const patch = { endpoints: [{ slug: 'search', ...endpoint }] }
  await world.catalogue.change(world.sellerId, listingId, patch)
}

test('a first version says since when it is there, and of no change', async () => {
  const first = await describeIt()
  expect(first).toMatchObject({ version: 1, changed_at: expect.any(String) })
  expect(first).not.toHaveProperty('changes')
  expect(first).not.toHaveProperty('latest_version')
})

test('a change is seen with its time and its kind, and by who pins the version before', async () => {
  const before = await describeIt()
  await change({
    description: 'Finds articles.',
    price: { model: 'per_call', amount: '0.002' },
    input_schema: { type: 'object', properties: {} },
  })
  const after = await describeIt()
  expect(after).toMatchObject({ version: 2, changes: ['description', 'input_schema', 'price'] })
  expect(Date.parse(after.changed_at) - Date.parse(before.changed_at)).toBe(60_000)
  expect(after).not.toHaveProperty('latest_version')
  expect(await describeIt(1)).toMatchObject({ ...before, latest_version: 2 })
})

test('a text that was kept before texts were made plain is shown plain', async () => {
  await change({ title: 'Find' })
  const { version } = await describeIt()
  const definition = {
    ...anEndpoint({ title: '**Find**', description: 'Finds <b>all</b>.\u200b' }),
    base_url: 'http://127.0.0.1:9001',
    input_schema: {
      type: 'object',
      properties: { q: { description: '[words](https://a.example)' } },
    },
    success: { status: '2xx' },
    requires_approval: false,
  }
  await world.store
    .db('endpoint_versions')
    .where({ version })
    .update({ definition: JSON.stringify(definition) })
  await world.store.db('accounts').where({ slug: 'acme' }).update({ name: '<b>Acme</b>\u202e' })
  await world.reopen()
  expect(await describeIt()).toMatchObject({
    seller: { name: 'Acme' },
    title: 'Find',
    description: 'Finds all.',
    input_schema: { properties: { q: { description: 'words' } } },
  })
  const { results } = await world.catalogue.browse({ seller: 'acme', limit: 5 })
  expect(results).toMatchObject([{ title: 'Find', summary: 'Finds all.', seller: 'Acme' }])
})
