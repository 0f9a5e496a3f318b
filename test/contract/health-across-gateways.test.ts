/** Two gateways on one PostgreSQL look after the health of one market. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPostgresStore, type Store } from '#store'
import { type ACatalogue, aCatalogueOn, aListing, anEndpoint } from '../support/a-catalogue.js'
import { aPostgresUrl } from '../support/a-postgres.js'
import { answerJson, type ScriptedUpstream, scriptedUpstream } from '../support/world.js'

const MINUTE_MS = 60 * 1_000

let stores: Store[]
let drop: () => Promise<void>
let gateways: [ACatalogue, ACatalogue]
let upstream: ScriptedUpstream
let moves: string[]

beforeAll(async () => {
  const database = await aPostgresUrl()
  drop = database.drop
  stores = [
    await openPostgresStore({ url: database.url }),
    await openPostgresStore({ url: database.url }),
  ]
  const a = await aCatalogueOn(stores[0]!)
  gateways = [a, await aCatalogueOn(stores[1]!, a)]
  upstream = await scriptedUpstream()
  for (const { upstreams } of gateways) upstreams.allowHost(new URL(upstream.baseUrl).host)
  moves = []
})

afterAll(async () => {
  await upstream.close()
  for (const gateway of gateways) await gateway.close()
  for (const store of stores) await store.close()
  await drop()
})

async function look({ catalogue }: ACatalogue): Promise<void> {
  await catalogue.lookAtHealth({
    hasRoom: async () => true,
    report: {
      probed: () => {},
      listingPaused: ({ listing }) => moves.push(`${listing} paused`),
      listingResumed: ({ listing }) => moves.push(`${listing} resumed`),
    },
    signal: new AbortController().signal,
  })
}

async function onSale(slug: string, changes: Parameters<typeof aListing>[0] = {}) {
  const backend = { type: 'http' as const, base_url: upstream.baseUrl }
  const [{ catalogue, sellerId }] = gateways
  const { listing } = await catalogue.create(sellerId, aListing({ slug, backend, ...changes }))
  await catalogue.publish(sellerId, listing.id)
  for (const gateway of gateways) await gateway.catalogue.follow()
  return listing.id
}

test('one probe is sent, and one pause and one return made, however many look at once', async () => {
  const id = await onSale('wiki')
  upstream.answerWith(answerJson(500, {}))
  const [a, b] = gateways
  let rounds = 0
  const lookForAWhile = async (minutes: number) => {
    for (let i = 0; i < minutes; i++) {
      a.clock.advance(MINUTE_MS)
      const before = upstream.requests.length
      await Promise.all([look(a), look(b), look(a), look(b)])
      const sent = upstream.requests.length - before
      expect(sent).toBeLessThanOrEqual(1)
      rounds += sent
    }
  }
  await lookForAWhile(40)
  expect(moves).toEqual(['wiki paused'])
  expect(rounds).toBeGreaterThan(4)
  for (const { catalogue, sellerId } of gateways) {
    await catalogue.follow()
    expect((await catalogue.own(sellerId, id)).listing.status).toBe('paused')
    await expect(catalogue.offer('wiki.search')).rejects.toMatchObject({ code: 'listing_changed' })
  }
  upstream.answerWith(answerJson(200, {}))
  await lookForAWhile(60)
  expect(moves).toEqual(['wiki paused', 'wiki resumed'])
  for (const { catalogue } of gateways) {
    await catalogue.follow()
    expect(await catalogue.offer('wiki.search')).toMatchObject({ status: 'published' })
  }
})

test('failures that both count at once all count, and a success on either ends them', async () => {
  const slugs = Array.from({ length: 20 }, (_, i) => `many-${i}`)
  for (const slug of slugs) await onSale(slug, { endpoints: [anEndpoint({ method: 'POST' })] })
  const atMs = gateways[0].clock.now()
  const see = (delivered: boolean, order: readonly string[], buyerId: string, at: ACatalogue) => {
    for (const slug of order) {
      at.catalogue.observe({ endpointId: `${slug}.search`, delivered, latencyMs: 9, atMs, buyerId })
    }
  }
  const [a, b] = gateways
  for (let i = 0; i < 5; i++) {
    see(false, slugs, 'acct_a', a)
    see(false, slugs.toReversed(), 'acct_b', b)
    await Promise.all([a.catalogue.flushStandings(), b.catalogue.flushStandings()])
  }
  const rows = () =>
    a.store.db('listing_health').where('slug', 'like', 'many-%').select('failures', 'failing_for')
  for (const row of await rows()) {
    expect(row.failures).toBe(10n)
    expect(JSON.parse(row.failing_for).sort()).toEqual(['acct_a', 'acct_b'])
  }
  see(true, slugs, 'acct_a', b)
  await b.catalogue.flushStandings()
  for (const row of await rows()) expect(row).toEqual({ failures: 0n, failing_for: '[]' })
})
