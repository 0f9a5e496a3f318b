/**
 * The ranking: which documents a query means, best first.
 *
 * score = text × (1 + 0.1 × quality). Text is the sum over the query's words of their rarity times
 * their strength in the document (BM25F), words that it only probably means counting half.
 */
import { keepBest } from './best-of.js'
import { withRoom } from './columns.js'
import { MAX_RESULTS, type Place, shownHash } from './cursor.js'
import type { Scores } from './postings.js'
import { queryTerms } from './query-terms.js'
import type { PageAnswer, PageQuestion } from './thread-messages.js'
import type { WordIndex } from './word-index.js'
import { queryWords } from './words.js'

/**
 * The most that quality moves a score, up or down. A text score that is more than
 * (1 + 0.1) / (1 - 0.1) = 1.22 times another's wins whatever was measured.
 */
const QUALITY_SHARE = 0.1
type Behind = Extract<Place, { kind: 'behind' }>
type Passes = (document: number) => boolean

/** Answers questions about `index`, one after the other. */
export function createRanking(index: WordIndex): (question: PageQuestion) => PageAnswer {
  const { documents, postings } = index
  const scores: Scores = { values: new Float32Array(0), touched: new Uint32Array(0), count: 0 }

  return (question) => {
    const passes = documents.filterOf(question)
    if (!passes) return { ids: [], hasMore: false, quality: 0 }
    const words = queryWords(question.query ?? '')
    return words.length === 0 ? overview(question, passes) : answer(question, words, passes)
  }

  /** Without a word the best come first, and pages go on behind the last place. */
  function overview({ limit, place }: PageQuestion, passes: Passes): PageAnswer {
    const best = keepBest(limit + 1, isBetter)
    for (let document = 0; document < documents.count(); document++) {
      if (!passes(document)) continue
      if (place.kind === 'behind' && !isBehind(document, place)) continue
      best.add(document)
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

  function answer({ limit, place }: PageQuestion, words: string[], passes: Passes): PageAnswer {
    const shown = new Set(place.kind === 'unshown' ? place.shown : [])
    const ranked = rank(words, passes)
    const left = ranked.filter((document) => !shown.has(shownHash(documents.idOf(document))))
    return pageOf(left, limit)
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

  function rank(words: readonly string[], passes: Passes): number[] {
    scores.values = withRoom(scores.values, documents.count())
    scores.touched = withRoom(scores.touched, documents.count())
    for (const [word, weight] of queryTerms(index, words)) postings.score(word, weight, scores)
    const { values, touched } = scores
    const best = keepBest(MAX_RESULTS, (a, b) =>
      values[a] === values[b] ? isBetter(a, b) : values[a]! > values[b]!,
    )
    for (let at = 0; at < scores.count; at++) {
      const document = touched[at]!
      values[document]! *= 1 + QUALITY_SHARE * documents.qualityOf(document)
      if (best.wants(document) && passes(document)) best.add(document)
    }
    const ranked = best.inOrder()
    for (let at = 0; at < scores.count; at++) values[touched[at]!] = 0
    scores.count = 0
    return ranked
  }
}
