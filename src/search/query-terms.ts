/** The words of a request as the index knows them: themselves, or words that are probably meant. */
import { type Clause, clausesOf } from './clauses.js'
import type { WordIndex } from './word-index.js'
import { meantStems, partsOf, readPart, stemOf } from './words.js'

/** One word of the request, with whatever may be found in its place. */
export type QueryTerm = {
  /** What it counts: its rarity, less for a filler or a word that is only guessed. */
  weight: number
  /** Numbers of words, and how much of the weight each is worth, above 0 to 1. */
  words: Map<number, number>
}

export type QueryClause = { terms: QueryTerm[]; method: string }

/** All words together, and clause by clause; there is always a clause, be it without a word. */
export type QueryTerms = { terms: QueryTerm[]; clauses: QueryClause[] }

/** What a word is worth that is found in the place of an unknown one, or beside a known one. */
const CORRECTED = 0.5
const MEANT = 0.6
const NAME = 0.9
/** Unknown words that are corrected; each costs a walk over a part of the vocabulary. */
const MAX_CORRECTED = 4
const MAX_GUESSES_PER_WORD = 3
const SHORTEST_BEGINNING = 4
/** Words that are read as one name: "new york times" is nytimes. */
const MAX_NAME_WORDS = 4

export function queryTerms(index: WordIndex, query: string): QueryTerms {
  let corrections = MAX_CORRECTED
  const terms = new Map<string, QueryTerm>()
  const read = clausesOf(query).map(readClause)
  for (const [stem, name] of namesIn(index, query)) addWord(terms.get(stem), name, NAME)
  const known = read.filter((clause) => clause.terms.length > 0)
  return {
    terms: [...terms.values()],
    clauses: known.length > 0 ? known : [{ terms: [], method: '' }],
  }

  function readClause({ words, method }: Clause): QueryClause {
    const own = new Set<QueryTerm>()
    for (const { stem, share } of words) {
      const term = terms.get(stem) ?? readTerm(stem, share)
      if (term.words.size === 0) continue
      terms.set(stem, term)
      own.add(term)
    }
    return { terms: [...own], method }
  }

  function readTerm(stem: string, share: number): QueryTerm {
    const term: QueryTerm = { weight: 0, words: new Map() }
    const known = knownWord(index, stem)
    if (known !== undefined) {
      term.weight = share * index.rarityOf(known)
      term.words.set(known, 1)
    } else if (corrections-- > 0) {
      const guesses = guessesFor(index, stem)
      term.weight = share * Math.max(0, ...guesses.map(index.rarityOf))
      for (const guess of guesses) term.words.set(guess, CORRECTED)
    }
    for (const meant of meantStems(stem)) addWord(term, knownWord(index, meant), MEANT * share)
    return term
  }

  /** A word beside the one that was said never counts more than that one. */
  function addWord(term: QueryTerm | undefined, word: number | undefined, worth: number): void {
    if (term === undefined || word === undefined || term.words.has(word)) return
    const rarity = index.rarityOf(word)
    if (term.weight === 0) term.weight = rarity
    term.words.set(word, worth * Math.min(1, rarity / term.weight))
  }
}

function knownWord({ vocabulary, postings }: WordIndex, stem: string): number | undefined {
  const word = vocabulary.find(stem)
  return word !== undefined && postings.frequencyOf(word) > 0 ? word : undefined
}

/** Words that begin like an unknown one, else those that are spelt nearly like it. */
function guessesFor({ vocabulary, postings }: WordIndex, stem: string): number[] {
  const isThere = (word: number) => postings.frequencyOf(word) > 0
  const begun = stem.length < SHORTEST_BEGINNING ? [] : vocabulary.beginningWith(stem, isThere)
  const guesses = begun.length > 0 ? begun : vocabulary.similarTo(stem, isThere)
  return guesses.slice(0, MAX_GUESSES_PER_WORD)
}

/**
 * Names of providers that the request writes as several words, by the stem of the last of these:
 * joined, as "send grid", or all but the last by their initials, as "new york times".
 */
function namesIn({ vocabulary, listings }: WordIndex, query: string): Map<string, number> {
  const words = partsOf(readPart(query))
  const found = new Map<string, number>()
  for (const begin of words.keys()) {
    let joined = words[begin]!
    let initials = words[begin]![0]!
    for (const word of words.slice(begin + 1, begin + MAX_NAME_WORDS)) {
      for (const form of [joined + word, initials + word]) {
        const name = vocabulary.find(stemOf(form))
        if (name !== undefined && listings.isName(name)) found.set(stemOf(word), name)
      }
      joined += word
      initials += word[0]
    }
  }
  return found
}
