/** Listings from before they had revisions are followed like those that came later. */
import { describe, expect, test } from 'vitest'
import { migrations } from '../../src/store/migrations/migrations.js'
import { aCatalogueOn, aListing } from '../support/a-catalogue.js'
import { databases } from '../support/databases.js'

const REVISIONS = { migrationSource: migrations, name: '0007-catalogue-revision' }

describe.each(databases)('on %s', (_, open) => {
  test('all listings of an older version are found, and new changes come after them', async () => {
    const { store, close } = await open()
    const before = await aCatalogueOn(store)
    for (const slug of ['wiki', 'atlas', 'songs']) {
      const { listing } = await before.catalogue.create(before.sellerId, aListing({ slug }))
      await before.catalogue.publish(before.sellerId, listing.id)
    }
    await store.db.migrate.down(REVISIONS)
    await store.db.migrate.up(REVISIONS)

    const world = await aCatalogueOn(store, before)
    expect((await world.search.find({ limit: 5 })).items).toEqual([
      'atlas.search',
      'songs.search',
      'wiki.search',
    ])
    const [first] = (await world.catalogue.listOwn(world.sellerId)).listings
    await world.catalogue.pause(world.sellerId, first!.listing.id)
    await before.catalogue.follow()
    expect((await before.search.find({ limit: 5 })).items).toHaveLength(2)
    await world.close()
    await before.close()
    await close()
  })
})
