/** What is asked, as numbers: made once for a request, compared with each candidate. */
import type { QueryTerms } from './query-terms.js'

/** A clause: what each term of the request counts for it, 0 for the terms of others. */
export type AskedClause = { weights: Float64Array; total: number; method: string }

export type Ask = {
  /** What each term of the request counts. */
  weights: Float64Array
  /** For each word that may be found, the term that it stands for and what it is worth. */
  words: ReadonlyMap<number, { term: number; worth: number }>
  clauses: AskedClause[]
}

export function askOf({ terms, clauses }: QueryTerms): Ask {
  const words = new Map<number, { term: number; worth: number }>()
  for (const [term, { words: own }] of terms.entries()) {
    for (const [word, worth] of own) {
      // A word that was said stands for itself rather than for another one.
      if (worth > (words.get(word)?.worth ?? 0)) words.set(word, { term, worth })
    }
  }
  return {
    weights: Float64Array.from(terms, ({ weight }) => weight),
    words,
    clauses: clauses.map(({ terms: own, method }) => {
      const weights = Float64Array.from(terms, (term) => (own.includes(term) ? term.weight : 0))
      return { weights, total: sumOf(weights), method }
    }),
  }
}

/** The most of `values`, and never nothing, so that one can divide by it. */
export function mostOf(values: ArrayLike<number>): number {
  let most = Number.MIN_VALUE
  for (let at = 0; at < values.length; at++) if (values[at]! > most) most = values[at]!
  return most
}

function sumOf(values: Iterable<number>): number {
  let sum = Number.MIN_VALUE
  for (const value of values) sum += value
  return sum
}
