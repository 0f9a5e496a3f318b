/**
 * How an answer is made of what Meilisearch finds.
 *
 * Asked a sentence, Meilisearch reads its first ten words and drops words until something has all
 * that are left; an endpoint that lacks one rare word loses the credit for all others. So each word
 * is a question of its own, all of them in one request, and they are added up here as the embedded
 * index does:
 *
 *   score = text × (1 + 0.1 × quality)
 *   text  = the sum over the words of rarity × how well Meilisearch says that the word is met
 *
 * A word that more endpoints have than are listed is asked again, of the best so far; one that nobody
 * has is asked again for words that begin like it or are spelt nearly like it.
 * With an embedder, meaning is one more question: text = (1 − ratio) × words + ratio × meaning,
 * where the words are put on a scale from 0 to 1.
 */
import { clausesOf } from './clauses.js'
import { MAX_RESULTS, type Place, placeOf, shownHash } from './cursor.js'
import type { MeilisearchServer, MultiSearchQuery, SearchResponse } from './meilisearch-client.js'
import type { IndexState } from './meilisearch-index.js'
import { EMBEDDER, filterOf, isBehind, isOneOf, STATE_KEY, wellFormed } from './meilisearch-rows.js'
import type { SearchQuery } from './search.js'
import { meantStems, queryWords, wholesOf } from './words.js'

/** Words that are asked for; each is a search of its own. */
const MAX_ASKED = 24
/** How much a word counts that the query does not contain but probably means. */
const GUESS_SHARE = 0.5
const HITS_PER_WORD = 300
/** Endpoints of which a common word is asked again. */
const MAX_CANDIDATES = 1_000
/** The most that quality moves a score, up or down. */
const QUALITY_SHARE = 0.1

export type Target = {
  server: MeilisearchServer
  uid: string
  /** How much meaning counts beside words, 0 to 1; 0 without an embedder. */
  semanticRatio: number
  /** Ends the search when its time is over. */
  signal: AbortSignal
}

/** `state` is that of the index which answered, none where it has none. */
export type Answer = { ids: string[]; hasMore: boolean; quality: number; state: IndexState }

type Hit = { id: string; endpoint_id: string; quality: number; _rankingScore: number }
type Candidate = Pick<Hit, 'id' | 'endpoint_id' | 'quality'> & { words: number; meaning: number }
/** A word, and how much it counts for what is wanted, 0 to 1. */
type Term = { word: string; share: number }
/** What was found for a word: endpoints that have it, how many there are, what it counts. */
type List = Term & { hits: readonly Hit[]; count: number; weight: number }

/**
 * One page of the answer.
 *
 * @throws Problem `invalid_request` for a cursor that was not given for this query.
 * @throws MeilisearchFault where the server gives no answer in time.
 */
export async function answer(target: Target, query: SearchQuery): Promise<Answer> {
  const place = placeOf(query)
  const text = query.query ?? ''
  if (queryWords(text).length === 0) return overview(target, query, place)
  const { hits, state } = await rank(target, query, termsOf(text))
  const shown = new Set(place.kind === 'unshown' ? place.shown : [])
  const left = hits.filter(({ endpoint_id }) => !shown.has(shownHash(endpoint_id)))
  return pageOf(left, query.limit, state)
}

/** Without a word the best come first, in the order of the index itself. */
async function overview(target: Target, query: SearchQuery, place: Place): Promise<Answer> {
  const filters = [filterOf(query), ...(place.kind === 'behind' ? [isBehind(place)] : [])]
  const found = { ...asked(target, filters), q: '', limit: query.limit + 1 }
  const [state, best] = await ask(target, [stateQuery(target), found])
  return pageOf(best!.hits as Hit[], query.limit, stateIn(state!))
}

function pageOf(hits: readonly Omit<Hit, '_rankingScore'>[], limit: number, state: IndexState) {
  const page = hits.slice(0, limit)
  return {
    ids: page.map(({ endpoint_id }) => endpoint_id),
    hasMore: hits.length > page.length,
    quality: page.at(-1)?.quality ?? 0,
    state,
  }
}

async function rank(target: Target, query: SearchQuery, terms: readonly Term[]) {
  const filters = [filterOf(query)]
  const [state, all, ...found] = await ask(target, [
    stateQuery(target),
    { ...asked(target, filters), q: '', limit: 0 },
    ...terms.map(({ word }) => termQuery(target, `"${word}"`, filters, HITS_PER_WORD)),
    ...(target.semanticRatio > 0 ? [meaningQuery(target, query.query!, filters)] : []),
  ])
  const countOfAll = countIn(all!)
  const lists = terms.map((term, at) => listOf(term, found[at]!, countOfAll))
  const whole = await askAgain(target, filters, lists, countOfAll)
  const meaning = (found[terms.length]?.hits ?? []) as Hit[]
  const hits = best(addUp(whole, meaning), target.semanticRatio).slice(0, MAX_RESULTS)
  return { hits, state: stateIn(state!) }
}

/**
 * A list that was cut off is replaced by one of the endpoints that are the best so far; a word that
 * nobody has is read as the beginning of one, or as misspelt.
 */
async function askAgain(
  target: Target,
  filters: readonly string[],
  lists: readonly List[],
  countOfAll: number,
): Promise<readonly List[]> {
  const cutOff = lists.filter(({ hits, count }) => hits.length < count)
  const unknown = lists.filter(({ count }) => count === 0)
  if (cutOff.length + unknown.length === 0) return lists
  const candidates = best(addUp(lists, []), 0).slice(0, MAX_CANDIDATES)
  const among = [...filters, isOneOf(candidates.map(({ id }) => id))]
  const again = await ask(target, [
    ...cutOff.map(({ word }) => termQuery(target, `"${word}"`, among, MAX_CANDIDATES)),
    ...unknown.map(({ word }) => termQuery(target, word, filters, HITS_PER_WORD)),
  ])
  const guessed = unknown.map(({ word, share }, at) =>
    listOf({ word, share: share * GUESS_SHARE }, again[cutOff.length + at]!, countOfAll),
  )
  return lists
    .filter((list) => !unknown.includes(list))
    .map((list) => {
      const at = cutOff.indexOf(list)
      return at < 0 ? list : { ...list, hits: again[at]!.hits as Hit[] }
    })
    .concat(guessed)
}

function listOf({ word, share }: Term, response: SearchResponse, countOfAll: number): List {
  const count = countIn(response)
  return {
    word,
    share,
    hits: response.hits as Hit[],
    count,
    weight: share * rarity(countOfAll, count),
  }
}

/** Every endpoint that was found, with its words, from 0 to 1, and its meaning. */
function addUp(lists: readonly List[], meaning: readonly Hit[]): Candidate[] {
  const candidates = new Map<string, Candidate>()
  const most = lists.reduce((sum, { weight }) => sum + weight, 0)
  for (const { hits, weight } of lists) {
    for (const hit of hits) {
      candidateOf(candidates, hit).words += (weight / most) * hit._rankingScore
    }
  }
  for (const hit of meaning) candidateOf(candidates, hit).meaning = hit._rankingScore
  return [...candidates.values()]
}

function candidateOf(candidates: Map<string, Candidate>, hit: Hit): Candidate {
  const { id, endpoint_id, quality } = hit
  const known = candidates.get(id) ?? { id, endpoint_id, quality, words: 0, meaning: 0 }
  candidates.set(id, known)
  return known
}

/** Best first, equal ones by quality and id. */
function best(candidates: readonly Candidate[], semanticRatio: number): Candidate[] {
  return candidates
    .map((candidate) => {
      const { words, meaning, quality } = candidate
      const text = (1 - semanticRatio) * words + semanticRatio * meaning
      return { ...candidate, score: text * (1 + QUALITY_SHARE * quality) }
    })
    .sort(
      (a, b) =>
        b.score - a.score || b.quality - a.quality || (a.endpoint_id < b.endpoint_id ? -1 : 1),
    )
}

/** The words of a query by their stems, identifiers also whole, and what they probably stand for. */
function termsOf(text: string): Term[] {
  const said = new Map<string, number>()
  const say = (word: string, share: number) => said.set(word, Math.max(share, said.get(word) ?? 0))
  for (const { words } of clausesOf(text)) {
    for (const { stem, share } of words) say(stem, share)
  }
  for (const whole of wholesOf(text)) say(whole, 1)
  for (const stem of [...said.keys()].flatMap(meantStems)) say(stem, GUESS_SHARE)
  return [...said].map(([word, share]) => ({ word, share })).slice(0, MAX_ASKED)
}

/** How much a word tells: less, the more of all endpoints have it. */
function rarity(all: number, having: number): number {
  return Math.log(1 + (Math.max(0, all - having) + 0.5) / (having + 0.5))
}

function countIn({ estimatedTotalHits, hits }: SearchResponse): number {
  return estimatedTotalHits ?? hits.length
}

function ask({ server, signal }: Target, queries: MultiSearchQuery[]): Promise<SearchResponse[]> {
  return server.ask(queries, signal)
}

function asked({ uid }: Target, filters: readonly string[]): MultiSearchQuery {
  return {
    indexUid: uid,
    filter: [...filters],
    attributesToRetrieve: ['id', 'endpoint_id', 'quality'],
  }
}

/** In quotes a word is met as it is, else also by its beginning and with typos. */
function termQuery(target: Target, q: string, filters: readonly string[], limit: number) {
  return { ...asked(target, filters), q, limit, showRankingScore: true }
}

function meaningQuery(target: Target, text: string, filters: readonly string[]) {
  const hybrid = { embedder: EMBEDDER, semanticRatio: 1 }
  return { ...termQuery(target, wellFormed(text), filters, HITS_PER_WORD), hybrid }
}

function stateQuery({ uid }: Target): MultiSearchQuery {
  const attributesToRetrieve = ['layout', 'revision']
  return { indexUid: uid, q: '', filter: `id = ${STATE_KEY}`, limit: 1, attributesToRetrieve }
}

function stateIn({ hits }: SearchResponse): IndexState {
  return (hits[0] as IndexState | undefined) ?? {}
}
