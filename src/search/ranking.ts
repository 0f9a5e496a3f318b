/**
 * The ranking: which endpoints a request means, best first. A first look finds some hundred
 * candidates by their words, a second one compares these closely. Of those that answer the same part
 * of the request, and of those that are alike, the later ones give way a little.
 *
 * score = signals × weights (signals.ts) + quality × 0.5 + what past searches taught × 2
 */
import { askOf } from './ask.js'
import { keepBest } from './best-of.js'
import { type Candidates, createCandidates } from './candidates.js'
import { type Place, shownHash } from './cursor.js'
import { createFacts } from './facts.js'
import type { Lessons } from './lessons.js'
import { queryTerms } from './query-terms.js'
import { judgeAll, scoreOf, WEIGHTS } from './signals.js'
import type { PageAnswer, PageQuestion } from './thread-messages.js'
import { type Ranked, varied } from './variety.js'
import type { WordIndex } from './word-index.js'
import { queryWords, stemOf } from './words.js'

/** What the best quality and offer add. */
const QUALITY_WEIGHT = 0.5
/** What it adds when an endpoint was bought after requests with just these words. */
const LESSON_WEIGHT = 2

type Behind = Extract<Place, { kind: 'behind' }>
type Passes = (document: number) => boolean

/** Answers questions about `index`, one after the other. */
export function createRanking(
  index: WordIndex,
  lessons: Lessons,
): (question: PageQuestion) => PageAnswer {
  const { documents } = index
  const findCandidates = createCandidates(index)
  const lookUp = createFacts(index)

  return (question) => {
    index.refresh()
    const passes = documents.filterOf(question)
    if (!passes) return pageOf([], question.limit)
    const words = queryWords(question.query ?? '')
    return words.length === 0 ? overview(question, passes) : answer(question, words, passes)
  }

  /** Without a word the best come first, and pages go on behind the last place. */
  function overview({ limit, place }: PageQuestion, passes: Passes): PageAnswer {
    const best = keepBest(limit + 1, isBetter)
    for (let document = 0; document < documents.count(); document++) {
      if (!passes(document)) continue
      if (place.kind !== 'behind' || isBehind(document, place)) best.add(document)
    }
    return pageOf(best.inOrder(), limit)
  }

  function isBetter(a: number, b: number): boolean {
    const [ofA, ofB] = [documents.qualityOf(a), documents.qualityOf(b)]
    return ofA === ofB ? documents.idOf(a) < documents.idOf(b) : ofA > ofB
  }

  function isBehind(document: number, { quality, endpointId }: Behind): boolean {
    const own = documents.qualityOf(document)
    return own === quality ? documents.idOf(document) > endpointId : own < quality
  }

  function answer(question: PageQuestion, words: string[], passes: Passes): PageAnswer {
    const { query = '', limit, place } = question
    const shown = new Set(place.kind === 'unshown' ? place.shown : [])
    const left = rank(query, words, passes).filter(
      (document) => !shown.has(shownHash(documents.idOf(document))),
    )
    return pageOf(left, limit)
  }

  function rank(query: string, words: readonly string[], passes: Passes): number[] {
    const taught = lessonsOf(words, passes)
    const terms = queryTerms(index, query)
    const found = withTaught(findCandidates(terms, passes), taught)
    const ask = askOf(terms)
    const ranked = judgeAll(ask, found, lookUp(ask, found)).map(
      ({ document, clause, signals }): Ranked => {
        const known = documents.qualityOf(document) + documents.appealOf(document)
        const quality = QUALITY_WEIGHT * known
        const lesson = LESSON_WEIGHT * (taught.get(document) ?? 0)
        return { document, clause, score: scoreOf(signals, WEIGHTS) + quality + lesson }
      },
    )
    ranked.sort((a, b) => b.score - a.score || (isBetter(a.document, b.document) ? -1 : 1))
    return varied(ranked, documents).map(({ document }) => document)
  }

  function lessonsOf(words: readonly string[], passes: Passes): Map<number, number> {
    const taught = new Map<number, number>()
    for (const [endpointId, strength] of lessons.of([...new Set(words.map(stemOf))])) {
      const document = documents.numberOf(endpointId)
      if (document !== undefined && passes(document)) taught.set(document, strength)
    }
    return taught
  }

  function pageOf(ranked: readonly number[], limit: number): PageAnswer {
    const page = ranked.slice(0, limit)
    const last = page.at(-1)
    return {
      ids: page.map((document) => documents.idOf(document)),
      hasMore: ranked.length > page.length,
      quality: last === undefined ? 0 : documents.qualityOf(last),
    }
  }
}

/** Words that no document has may have been taught. */
function withTaught(found: Candidates, taught: ReadonlyMap<number, number>): Candidates {
  return { ...found, documents: [...new Set([...found.documents, ...taught.keys()])] }
}
