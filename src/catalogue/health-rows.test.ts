import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ACatalogue, aCatalogue } from '../../test/support/a-catalogue.js'

let world: ACatalogue
beforeAll(async () => {
  world = await aCatalogue()
})
afterAll(() => world.close())

test.each(['due_at <= 1', 'due_at > 1'])(
  'a round finds what has %s by its time, however much is for sale',
  async (when) => {
    const sql = `select * from listing_health join listings using (slug)
      where ${when} order by due_at limit 50`
    const plan: { detail: string }[] = await world.store.db.raw(`explain query plan ${sql}`)
    expect(plan.map(({ detail }) => detail).join('; ')).toMatch(
      /SEARCH listing_health USING INDEX \S+due_at\S* .*SEARCH listings USING INDEX/,
    )
  },
)
