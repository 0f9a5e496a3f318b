/** What the words of a query are in the index: themselves, and words that they probably mean. */

import type { WordIndex } from './word-index.js'
import { meantWords, stemOf } from './words.js'

/** How much a word counts that the query does not contain but probably means. */
const GUESS_WEIGHT = 0.5
/** Unknown words that are corrected; each costs a walk over the vocabulary. */
const MAX_CORRECTED = 4
const MAX_GUESSES_PER_WORD = 3
const SHORTEST_BEGINNING = 4

/** The numbers of the words to look for, with what each counts: its rarity, or a part of it. */
export function queryTerms(index: WordIndex, words: readonly string[]): Map<number, number> {
  const terms = new Map<number, number>()
  const add = (word: number, share: number) => {
    const weight = share * rarityOf(index, word)
    if (weight > (terms.get(word) ?? 0)) terms.set(word, weight)
  }
  let corrected = 0
  for (const stem of new Set(words.map(stemOf))) {
    const known = index.vocabulary.find(stem)
    if (known !== undefined && index.postings.frequencyOf(known) > 0) add(known, 1)
    else if (corrected++ < MAX_CORRECTED) {
      for (const guess of guessesFor(index, stem)) add(guess, GUESS_WEIGHT)
    }
  }
  for (const word of meantWords(words)) {
    const meant = index.vocabulary.find(stemOf(word))
    if (meant !== undefined) add(meant, GUESS_WEIGHT)
  }
  return terms
}

/** Words that begin like an unknown one, else those that are spelt nearly like it. */
function guessesFor({ vocabulary }: WordIndex, stem: string): number[] {
  const begun =
    stem.length < SHORTEST_BEGINNING ? [] : vocabulary.beginningWith(stem, MAX_GUESSES_PER_WORD)
  return begun.length > 0 ? begun : vocabulary.similarTo(stem, MAX_GUESSES_PER_WORD)
}

/** How much a word tells: less, the more documents have it. */
function rarityOf({ documents, postings }: WordIndex, word: number): number {
  const frequency = postings.frequencyOf(word)
  const others = Math.max(0, documents.size() - frequency)
  return Math.log(1 + (others + 0.5) / (frequency + 0.5))
}
