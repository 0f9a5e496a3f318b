/**
 * What each key searched for and looked at in the last minutes, to know which words led to a
 * purchase. It is kept in memory only, by the gateway that was asked, and is bounded.
 */
import { queryWords } from '#search'

/** A purchase is put down to searches that are at most this old. */
const WINDOW_MS = 15 * 60 * 1_000
const MAX_SEARCHES = 5
const MAX_WORDS = 12
/** Further pages of a search that has shown this many are another search. */
const MAX_SHOWN = 60
/** Keys that are remembered; the one that was silent for longest is forgotten first. */
const MAX_KEYS = 5_000
const MAX_OPENED = 20

/** Letters alone, of a length that words have: what has digits or signs in it may be a secret. */
const WORD = /^\p{L}{3,24}$/u
/** Addresses, numbers, paths, assignments, tokens: data that somebody put into a query. */
const DATA = /\S*(?:[@\d/\\=#%+]|:\S)\S*|\S{25,}/g

type Looked = { endpointId: string; atMs: number }
type Search = {
  words: readonly string[]
  shown: Set<string>
  atMs: number
  hasSold: boolean
}
type Trail = { searches: Search[]; opened: Looked[] }

/** How a search led to an endpoint: its results held it, or a later search's did. */
export type Lead = { words: readonly string[]; how: 'shown' | 'sought' }

export type RecentSearches = ReturnType<typeof createRecentSearches>

export function createRecentSearches() {
  const trails = new Map<string, Trail>()

  return {
    searched(keyId: string, query: string, shown: readonly string[], atMs: number): void {
      const words = wordsToLearn(query)
      if (words.length === 0) return
      const { searches } = trailOf(keyId)
      const last = searches.at(-1)
      if (last && isNextPage(last, words, atMs)) {
        for (const endpointId of shown) last.shown.add(endpointId)
        return
      }
      searches.push({ words, shown: new Set(shown), atMs, hasSold: false })
      if (searches.length > MAX_SEARCHES) searches.shift()
    },
    opened(keyId: string, endpointId: string, atMs: number): void {
      if (!trails.has(keyId)) return
      const { opened } = trailOf(keyId)
      opened.push({ endpointId, atMs })
      if (opened.length > MAX_OPENED) opened.shift()
    },
    /**
     * The searches that led to a call of `endpointId`. One that did not show it led there when the
     * key opened it later and had bought nothing that the search did show.
     */
    ledTo(keyId: string, endpointId: string, atMs: number): Lead[] {
      const trail = trails.get(keyId)
      if (!trail) return []
      const isRecent = (it: { atMs: number }) => atMs - it.atMs <= WINDOW_MS
      const openings = trail.opened.filter((it) => it.endpointId === endpointId && isRecent(it))
      const openedAtMs = Math.max(Number.NEGATIVE_INFINITY, ...openings.map((it) => it.atMs))
      const leads: Lead[] = []
      for (const search of trail.searches.filter(isRecent)) {
        const isShown = search.shown.has(endpointId)
        if (isShown) search.hasSold = true
        if (isShown) leads.push({ words: search.words, how: 'shown' })
        else if (!search.hasSold && openedAtMs >= search.atMs) {
          leads.push({ words: search.words, how: 'sought' })
        }
      }
      return leads
    },
  }

  function trailOf(keyId: string): Trail {
    const trail = trails.get(keyId) ?? { searches: [], opened: [] }
    trails.delete(keyId)
    trails.set(keyId, trail)
    if (trails.size > MAX_KEYS) trails.delete(trails.keys().next().value!)
    return trail
  }
}

function isNextPage(last: Search, words: readonly string[], atMs: number): boolean {
  const isSame = last.words.join() === words.join()
  return isSame && last.shown.size < MAX_SHOWN && atMs - last.atMs <= WINDOW_MS
}

/** The words of a query that may be kept: no data, no glue, at most twelve. */
export function wordsToLearn(query: string): string[] {
  const words = queryWords(query.replace(DATA, ' '))
  return words.filter((word) => WORD.test(word)).slice(0, MAX_WORDS)
}
