/**
 * A request as its clauses: "find a flight, book a room and tell me the weather" wants three
 * endpoints, and each is found best by its own words.
 */
import { isTelling, partsOf, readPart, stemOf, wholesOf } from './words.js'

/** A part of a request that may want an endpoint of its own. */
export type Clause = {
  /** Its telling words in order: the stem, and how much it says about an endpoint, 0 to 1. */
  words: { stem: string; share: number }[]
  /** The HTTP method that its first verb asks for, '' where it has none. */
  method: string
}

/** Clauses beyond this many are joined, the shortest first. */
const MAX_CLAUSES = 8
/** A clause with fewer strong words belongs to the one before it. */
const MIN_STRONG_WORDS = 2

/** How much a word counts that requests are full of and descriptions of endpoints are not. */
const FILLER_SHARE = 0.3

const SENTENCE_END = /[.!?;\n]+(?=\s|$)/
const CLAUSE_END =
  /,\s*(?:and|then|also|plus)?\s+|\s(?:and then|and also|and|then|also|additionally|as well as|furthermore|moreover|plus)\s+/i

const FILLERS = new Set(
  `additionally addition lastly finally furthermore moreover besides specifically planning
  interested curious wondering assist assistance friend friends hey hello hi`.split(/\s+/),
)

/** The method that an endpoint of this verb usually has. */
const METHOD_OF = new Map(
  Object.entries({
    GET: 'get list retrieve fetch show view find search read lookup check download',
    POST: `create add send post submit generate upload register book schedule start launch buy place
      make open`,
    PUT: 'update change modify edit set rename replace',
    DELETE: 'delete remove cancel revoke unsubscribe',
  }).flatMap(([method, verbs]) => verbs.split(/\s+/).map((verb) => [verb, method] as const)),
)

/**
 * The clauses of a request, as far as it is read. One of nothing but glue is about its identifiers,
 * such as `getAll`; where it has none either, there is no clause.
 */
export function clausesOf(query: string): Clause[] {
  const clauses = clausesIn(readPart(query))
  const wholes = clauses.length > 0 ? [] : wholesOf(readPart(query))
  if (wholes.length === 0) return clauses
  return [{ words: wholes.map((word) => ({ stem: stemOf(word), share: 1 })), method: '' }]
}

function clausesIn(query: string): Clause[] {
  const clauses: Clause[] = []
  for (const sentence of query.split(SENTENCE_END)) {
    for (const part of sentence.split(CLAUSE_END)) {
      const clause = readClause(part)
      if (clause.words.length === 0) continue
      const before = clauses.at(-1)
      const strong = clause.words.filter(({ share }) => share === 1).length
      if (before && strong < MIN_STRONG_WORDS) clauses.splice(-1, 1, joined(before, clause))
      else clauses.push(clause)
    }
  }
  while (clauses.length > MAX_CLAUSES) joinShortest(clauses)
  return clauses
}

function readClause(text: string): Clause {
  const words = partsOf(text)
  const verb = words.find((word) => METHOD_OF.has(word))
  return {
    words: words
      .filter(isTelling)
      .map((word) => ({ stem: stemOf(word), share: FILLERS.has(word) ? FILLER_SHARE : 1 })),
    method: verb === undefined ? '' : METHOD_OF.get(verb)!,
  }
}

function joined(one: Clause, other: Clause): Clause {
  return { words: [...one.words, ...other.words], method: one.method || other.method }
}

function joinShortest(clauses: Clause[]): void {
  const lengths = clauses
    .slice(1)
    .map((clause, at) => clause.words.length + clauses[at]!.words.length)
  const at = lengths.indexOf(Math.min(...lengths))
  clauses.splice(at, 2, joined(clauses[at]!, clauses[at + 1]!))
}
