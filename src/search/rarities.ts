/** How much words tell: the less, the more documents have them. */
import { withRoom } from './columns.js'
import type { Documents } from './documents.js'
import type { Postings } from './postings.js'

export type Rarities = {
  /** The logarithm of how many times more documents are without the word than with it, above 0. */
  of(word: number): number
  /** Forgets what was worked out, after documents came or went. */
  clear(): void
}

export function createRarities(documents: Documents, postings: Postings): Rarities {
  /** By word; 0 where it was not worked out yet. */
  let known = new Float32Array(0)

  return {
    of(word) {
      return known[word] || workOut(word)
    },
    clear() {
      known.fill(0)
    },
  }

  function workOut(word: number): number {
    const frequency = postings.frequencyOf(word)
    const others = Math.max(0, documents.size() - frequency)
    known = withRoom(known, word + 1)
    known[word] = Math.log(1 + (others + 0.5) / (frequency + 0.5))
    return known[word]!
  }
}
