/** Keeps listings up to what their endpoints say, without reading large ones again for every change. */
import { isDeepStrictEqual } from 'node:util'
import type { Documents } from './documents.js'
import { createEndpointReader, type EndpointTexts } from './endpoint-words.js'
import type { ListingIndex } from './listing-index.js'
import { readListing } from './reading.js'
import type { SearchDocument } from './search.js'

/**
 * A listing is read again when so many of its endpoints changed: reading a large one takes as long
 * as many searches.
 */
const STALE_SHARE = 0.1

type Deps = {
  listings: ListingIndex
  documents: Documents
  texts: EndpointTexts
  numbersOf: (words: readonly string[]) => number[]
}

export function createListingReadings({ listings, documents, texts, numbersOf }: Deps) {
  /** How many endpoints of each listing changed since it was read. */
  const changes = new Map<number, number>()
  const readEndpoints = createEndpointReader(documents, texts)
  /** What the last listing said of itself: its endpoints come one after the other and say the same. */
  let lastSaid: unknown

  return {
    /** Notes what a document says of its listing. */
    put(listing: number, document: SearchDocument): void {
      const { listingTitle, listingDescription, category, host } = document
      const said = { listing, listingTitle, listingDescription, category, host }
      if (isDeepStrictEqual(said, lastSaid)) return
      lastSaid = said
      const own = readListing(document)
      listings.put(listing, {
        provider: numbersOf(own.provider),
        description: numbersOf(own.description),
        category: numbersOf(own.category),
      })
    },
    /** Notes that an endpoint of the listing came, went or changed. */
    changed(listing: number): void {
      changes.set(listing, (changes.get(listing) ?? 0) + 1)
    },
    /** Reads the listings of which enough changed. */
    readStale(): void {
      for (const [listing, count] of changes) {
        if (count >= STALE_SHARE * listings.countRead(listing)) read(listing)
      }
    },
    /** Reads every listing of which something changed; it yields between steps. */
    *readAll(): Generator<void> {
      for (const listing of changes.keys()) {
        read(listing)
        yield
      }
    },
  }

  function read(listing: number): void {
    listings.read(listing, readEndpoints(listing))
    changes.delete(listing)
  }
}
