import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ACatalogue, aCatalogue, aListing } from '../../test/support/a-catalogue.js'
import { anOffer } from '../../test/support/an-offer.js'
import { createOffers, isForSale, requireForSale } from './offers.js'

let world: ACatalogue
let listingId: string

beforeAll(async () => {
  world = await aCatalogue()
  const credential = { type: 'bearer', token: 'a-token-of-the-test' }
  const { listing } = await world.catalogue.create(world.sellerId, aListing({ credential }))
  listingId = listing.id
})

afterAll(() => world.close())

/** Offers that run `meanwhile` while one of them is being read. */
function offersWith(meanwhile: () => void) {
  const { store, vault } = world
  const open: typeof vault.open = (owner, sealed) => {
    meanwhile()
    return vault.open(owner, sealed)
  }
  return createOffers({ db: store.db, vault: { ...vault, open } })
}

test('an offer is read once, and anew after its listing was forgotten', async () => {
  let reads = 0
  const offers = offersWith(() => reads++)
  const first = await offers.find('wiki.search')
  expect(await offers.find('wiki.search')).toBe(first)
  offers.forget(new Set(['lst_of_another_one']))
  expect(await offers.find('wiki.search')).toBe(first)
  expect(reads).toBe(1)
  offers.forget(new Set([listingId]))
  expect(await offers.find('wiki.search')).toEqual(first)
  expect(reads).toBe(2)
})

test('an offer that is forgotten while it is read is not kept', async () => {
  let isChanged = true
  const offers = offersWith(() => {
    if (isChanged) offers.forget(new Set([listingId]))
    isChanged = false
  })
  const stale = await offers.find('wiki.search')
  const fresh = await offers.find('wiki.search')
  expect(fresh).not.toBe(stale)
  expect(await offers.find('wiki.search')).toBe(fresh)
})

test.each([
  [{}, true],
  [{ status: 'paused' as const }, false],
  [{ status: 'retired' as const }, false],
  [{ suspended: 'fraud' }, false],
  [{ hostChanged: true }, false],
  [{ isRedefined: true }, false],
])('an offer with %j is shown as for sale exactly where it is sold', (changes, isSold) => {
  const offer = anOffer(changes)
  expect(isForSale(offer)).toBe(isSold)
  const sell = () => requireForSale(offer, offer.endpointId)
  if (isSold) expect(sell()).toBe(offer)
  else expect(sell).toThrow(expect.objectContaining({ code: 'listing_changed' }))
})
