/**
 * Words of texts that are replaced one at a time, with how strongly each stands for its text. A text
 * that is replaced is another edition in the postings; only the latest counts.
 */
import { withRoom } from './columns.js'
import { createPostings, GONE, type Scores } from './postings.js'
import type { QueryTerm } from './query-terms.js'

export type Editions = {
  /** Strengths are from 0 to 1. */
  put(text: number, strengths: ReadonlyMap<number, number>): void
  remove(text: number): void
  /** How much each of `count` texts is about the terms; 0 for most. */
  scores(terms: readonly QueryTerm[], count: number): Float32Array
  /** Forgets what was replaced, which would take more and more room; it yields between steps. */
  fold(): Generator<void, void>
}

export function createEditions(): Editions {
  let postings = createPostings()
  let textOf: number[] = []
  let latest = new Map<number, number>()
  const found: Scores = { values: new Float32Array(0), touched: new Uint32Array(0), count: 0 }

  return {
    put(text, strengths) {
      const edition = textOf.push(text) - 1
      latest.set(text, edition)
      for (const [word, strength] of strengths) postings.add(word, edition, strength)
    },
    remove: (text) => {
      latest.delete(text)
    },
    scores(terms, count) {
      found.values = withRoom(found.values, textOf.length)
      found.touched = withRoom(found.touched, textOf.length)
      for (const { words } of terms) {
        for (const [word, worth] of words) postings.score(word, worth * rarityOf(word), found)
      }
      const byText = new Float32Array(count)
      for (const edition of found.touched.subarray(0, found.count)) {
        const text = textOf[edition]!
        if (latest.get(text) === edition) byText[text] = found.values[edition]!
        found.values[edition] = 0
      }
      found.count = 0
      return byText
    },
    *fold() {
      const editions = [...latest.values()].sort((a, b) => a - b)
      const numbers = new Uint32Array(textOf.length).fill(GONE)
      for (const [number, edition] of editions.entries()) numbers[edition] = number
      postings = createPostings(yield* postings.fold(numbers))
      textOf = editions.map((edition) => textOf[edition]!)
      latest = new Map(textOf.map((text, edition) => [text, edition]))
    },
  }

  function rarityOf(word: number): number {
    const frequency = Math.min(latest.size, postings.frequencyOf(word))
    return Math.log(1 + (latest.size - frequency + 0.5) / (frequency + 0.5))
  }
}
