/**
 * Meilisearch answers where it can, the embedded index where it cannot: while the server is away,
 * slow, being filled for the first time or behind. Then the answer is marked.
 */
import type { Clock } from '#core/clock'
import { Problem } from '#core/problem'
import { createBreaker, type Watch } from './breaker.js'
import type { RemoteSearch } from './meilisearch.js'
import type { Found, Search, SearchQuery } from './search.js'

type Deps = {
  embedded: Search
  remote: Pick<RemoteSearch, 'findFrom'>
  clock: Clock
  /** Told when Meilisearch goes away and when it is back. */
  watch: Watch
}

/**
 * A search whose index is the embedded one: everything that it is told goes there. So that whoever
 * publishes finds it at once, Meilisearch only answers when it holds all that the embedded index
 * does; `RemoteSearch` says how it is filled.
 */
export function fallbackSearch({ embedded, remote, clock, watch }: Deps): Search {
  const breaker = createBreaker(clock, watch)
  return {
    ...embedded,
    async find(query) {
      const found = await findRemotely(query)
      return found ?? { ...(await embedded.find(query)), isFallback: true }
    },
  }

  async function findRemotely(query: SearchQuery): Promise<Found | undefined> {
    const revision = await embedded.revision()
    if (revision === undefined || !breaker.mayTry()) return undefined
    try {
      const found = await remote.findFrom(query, revision)
      breaker.worked()
      return found
    } catch (error) {
      if (error instanceof Problem) throw error
      breaker.failed(error)
      return undefined
    }
  }
}
