import { describe, expect, test } from 'vitest'
import { aCatalogueOn, aListing } from '../../test/support/a-catalogue.js'
import { databases } from '../../test/support/databases.js'

/** More listings than search takes up in one portion. */
const MANY = 230

describe.each(databases)('a seller on %s', (_name, open) => {
  test('is stopped and let go again with all listings, none or many', async () => {
    const { store, close } = await open()
    const world = await aCatalogueOn(store)
    const { catalogue, sellerId } = world
    await store.inTransaction((tx) => catalogue.sellerChanged(tx, sellerId))
    const { listing } = await catalogue.create(sellerId, aListing())
    await catalogue.publish(sellerId, listing.id)
    const slugs = Array.from({ length: MANY - 1 }, (_, n) => `copy${n}`)
    await copyOf('listings', (slug, n) => ({ id: `lst_${slug}`, slug, revision: -n }))
    await copyOf('endpoints', (slug) => ({
      ...{ endpoint_id: `${slug}.search`, listing_id: `lst_${slug}` },
    }))
    await copyOf('endpoint_versions', (slug) => ({ endpoint_id: `${slug}.search` }))

    for (const [status, found] of [
      ['active', MANY],
      ['suspended', 0],
      ['active', MANY],
    ] as const) {
      await store.inTransaction(async (tx) => {
        const suspension = JSON.stringify({ category: 'fraud', reason: '', atMs: 0 })
        await tx('accounts').where({ id: sellerId }).update({ status, suspension })
        await catalogue.sellerChanged(tx, sellerId)
      })
      await catalogue.follow()
      const { categories } = await catalogue.browse({ limit: 1 })
      expect(categories).toEqual(found === 0 ? [] : [{ name: 'search', count: found }])
    }
    await catalogue.pause(sellerId, listing.id)
    const { categories } = await catalogue.browse({ limit: 1 })
    expect(categories).toEqual([{ name: 'search', count: MANY - 1 }])
    await world.close()
    await close()

    async function copyOf(
      table: string,
      changes: (slug: string, n: number) => object,
    ): Promise<void> {
      const row = await store.db(table).first()
      const rows = slugs.map((slug, n) => ({ ...row, ...changes(slug, n) }))
      await store.db.batchInsert(table, rows, 20)
    }
  })
})
