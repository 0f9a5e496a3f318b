/** What the endpoints of a listing say together: in how many of them each word is. */
import { withRoom } from './columns.js'
import type { Documents } from './documents.js'
import type { EndpointWords } from './listing-index.js'
import type { Sequences } from './sequences.js'

export type EndpointTexts = Record<'title' | 'subject' | 'description', Sequences>

/** Reads listings, one after the other. */
export function createEndpointReader(
  documents: Documents,
  texts: EndpointTexts,
): (listing: number) => EndpointWords {
  const named = createCounts()
  const described = createCounts()
  /** By word the last text that had it, as the number of its reading: it counts once for each. */
  let lastSeenIn = new Uint32Array(0)
  let readings = 0

  return (listing) => {
    let count = 0
    for (const document of documents.ofListing(listing)) {
      if (documents.isGone(document)) continue
      count++
      readings++
      countNew(texts.title.of(document), named)
      countNew(texts.subject.of(document), named)
      countNew(texts.description.of(document), described)
    }
    return { count, named: named.take(), described: described.take() }
  }

  /** Counts the words that this document did not have yet. */
  function countNew(words: Uint32Array, counts: Counts): void {
    for (const word of words) {
      if (lastSeenIn[word] === readings) continue
      lastSeenIn = withRoom(lastSeenIn, word + 1)
      lastSeenIn[word] = readings
      counts.add(word)
    }
  }
}

type Counts = ReturnType<typeof createCounts>

/** Counts words; a column is faster than a map where a listing has very many endpoints. */
function createCounts() {
  let counts = new Uint32Array(0)
  let counted: number[] = []

  return {
    add(word: number): void {
      counts = withRoom(counts, word + 1)
      if (counts[word]!++ === 0) counted.push(word)
    },
    /** What was counted; the next counting begins with nothing. */
    take(): Map<number, number> {
      const taken = new Map(counted.map((word) => [word, counts[word]!]))
      for (const word of counted) counts[word] = 0
      counted = []
      return taken
    },
  }
}
