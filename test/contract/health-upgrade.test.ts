/** What an older version measured is still known, and what it had on sale is watched. */
import { describe, expect, test } from 'vitest'
import { migrations } from '../../src/store/migrations/migrations.js'
import { aCatalogueOn, aListing } from '../support/a-catalogue.js'
import { databases } from '../support/databases.js'

const HEALTH = { migrationSource: migrations, name: '0010-health' }

describe.each(databases)('on %s', (_, open) => {
  test('uptime, latency and marks of an older version stay, and what is on sale is due', async () => {
    const { store, close } = await open()
    const world = await aCatalogueOn(store)
    const listed = ['wiki', 'atlas'].map((slug) =>
      world.catalogue.create(world.sellerId, aListing({ slug })),
    )
    const [{ listing }] = (await Promise.all(listed)) as [Awaited<(typeof listed)[0]>]
    await world.catalogue.publish(world.sellerId, listing.id)

    await store.db.migrate.down(HEALTH)
    await store.db('endpoint_standings').insert({
      endpoint_id: 'wiki.search',
      ...{ delivered: 7, failed: 3, recent: '[30,-5,10,20]' },
      ...{ rating_sum: 9, ratings: 2, checked_at: world.clock.now(), revision: 1 },
    })
    await store.db.migrate.up(HEALTH)

    await world.reopen()
    const described = await world.catalogue.describe('wiki.search')
    expect(described.health).toMatchObject({ uptime: 0.75, latency_ms_p50: 20, latency_ms_p95: 30 })
    expect(described.seller).toMatchObject({ rating: 4.5, ratings: 2 })
    const watched = await store.db('listing_health').orderBy('slug').select('slug', 'due_at')
    expect(watched).toEqual([
      { slug: 'atlas', due_at: null },
      { slug: 'wiki', due_at: 0n },
    ])
    await world.close()
    await close()
  })
})
