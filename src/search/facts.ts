/** What a candidate has of what is asked, looked up word by word. */
import type { Ask } from './ask.js'
import type { Candidates } from './candidates.js'
import { withRoom } from './columns.js'
import type { WordIndex } from './word-index.js'

export type Facts = {
  document: number
  listing: number
  method: string
  /** Its score by all words. */
  text: number
  /** Its score by the words of each clause, and what the words count that it has at all. */
  clauses: { text: number; matched: number }[]
  title: Asked
  provider: Asked
  description: Asked
}

/** How much of a text is asked for. */
export type Asked = {
  /** A part of what its words count. */
  share: number
  /** What its words count. */
  total: number
  /** The terms of the request that it has. */
  terms: readonly number[]
}

/** Looks candidates up, one request after the other. */
export function createFacts(index: WordIndex): (ask: Ask, found: Candidates) => Facts[] {
  const { documents, listings, postings, texts } = index
  let placeOf = new Uint32Array(0)

  return (ask, { documents: found }) => {
    const strengths = strengthsOf(ask, found)
    const width = ask.weights.length
    return found.map((document, at) => {
      const own = strengths.subarray(at * width, (at + 1) * width)
      const listing = documents.listingOf(document)
      return {
        document,
        listing,
        method: documents.methodOf(document),
        text: scoreOf(own, ask.weights).text,
        clauses: ask.clauses.map(({ weights }) => scoreOf(own, weights)),
        title: askedIn(ask, texts.title.of(document)),
        provider: askedIn(ask, listings.providerOf(listing)),
        description: askedIn(ask, texts.description.of(document)),
      }
    })
  }

  /** How strongly each term stands for each document, document by document. */
  function strengthsOf({ words, weights }: Ask, found: readonly number[]): Float32Array {
    const strengths = new Float32Array(found.length * weights.length)
    placeOf = withRoom(placeOf, documents.count())
    for (const [at, document] of found.entries()) placeOf[document] = at + 1
    for (const [word, { term, worth }] of words) {
      const places = { of: placeOf, stride: weights.length, offset: term, worth }
      postings.collect(word, places, strengths)
    }
    for (const document of found) placeOf[document] = 0
    return strengths
  }

  function askedIn({ words, weights }: Ask, text: Uint32Array): Asked {
    const terms: number[] = []
    let hit = 0
    let total = 0
    for (let at = 0; at < text.length; at++) {
      const word = text[at]!
      if (text.indexOf(word) < at) continue
      total += index.rarityOf(word)
      const asked = words.get(word)
      if (asked === undefined) continue
      hit += asked.worth * weights[asked.term]!
      terms.push(asked.term)
    }
    return { share: total === 0 ? 0 : hit / total, total, terms }
  }
}

function scoreOf(
  strengths: Float32Array,
  weights: Float64Array,
): { text: number; matched: number } {
  let text = 0
  let matched = 0
  for (let place = 0; place < weights.length; place++) {
    const strength = strengths[place]!
    if (strength === 0) continue
    text += weights[place]! * strength
    matched += weights[place]!
  }
  return { text, matched }
}
