/**
 * The catalogue on a Meilisearch server: an index that answers, `<name>`, and while another is made,
 * `<name>-next` beside it. Which state of the catalogue an index holds lies in the index itself, as
 * a row. So it is swapped and restored together with what it speaks of, and a server that lost its
 * data, or got old data back, says so.
 */
import { cursorBehind, placeOf } from './cursor.js'
import {
  answered,
  answeredIfThere,
  connectMeilisearch,
  done,
  type MeilisearchFault,
  REQUEST_WITHIN_MS,
} from './meilisearch-client.js'
import { dropIndex, meilisearchIndex, stateOf } from './meilisearch-index.js'
import { type Answer, answer } from './meilisearch-ranking.js'
import { layoutOf, type Row, settingsWith } from './meilisearch-rows.js'
import type { Found, Search, SearchQuery } from './search.js'

/** Whoever searches waits this long at most; the embedded index answers then. */
const ANSWER_WITHIN_MS = 1_000

export type MeilisearchSettings = {
  /** Without user and password. */
  url: string
  key: string | undefined
  /** Settings of an embedder as Meilisearch has them, and how much meaning counts, 0 to 1. */
  embedder: { settings: Record<string, unknown>; semanticRatio: number } | undefined
}

export type RemoteSearch = {
  /** The index that answers; `undefined` where it is missing or of another layout. */
  live(): Promise<Search | undefined>
  /** An index beside it, to be filled: empty, or as far as an interrupted filling came. */
  next(): Promise<Search>
  /** Makes the next index the live one from one moment to the other, and deletes the old one. */
  swap(): Promise<void>
  /**
   * What the live index finds; `undefined` where it does not hold the revision yet, or not at all.
   *
   * @throws Problem `invalid_request` for a cursor that was not given for this query.
   * @throws MeilisearchFault where the server does not answer in time.
   */
  findFrom(query: SearchQuery, revision: string): Promise<Found | undefined>
  health(): Promise<MeilisearchHealth>
  /** Deletes both indexes. */
  drop(): Promise<void>
}

/** What a server says of itself and of the catalogue on it. */
export type MeilisearchHealth = {
  version: string
  /** Endpoints that can be found; `undefined` without an index that answers. */
  documents: number | undefined
  revision: string | undefined
  /** Whether another index is being made. */
  isBuilding: boolean
  /** Tasks of these indexes that the server remembers as failed, and the code of the last. */
  failedTasks: number
  lastFailure: string | undefined
}

/**
 * @param name of the index: letters, digits and hyphens, another for each catalogue.
 */
export function meilisearch(settings: MeilisearchSettings, name: string): RemoteSearch {
  const server = connectMeilisearch(settings.url, settings.key)
  const { client } = server
  const indexSettings = settingsWith(settings.embedder?.settings)
  const layout = layoutOf(indexSettings)
  const semanticRatio = settings.embedder?.semanticRatio ?? 0
  const nextName = `${name}-next`
  const indexOf = (uid: string) => client.index<Row>(uid)

  return {
    async live() {
      const state = await stateOf(indexOf(name))
      return state?.layout === layout ? searchIn(name) : undefined
    },
    async next() {
      await meilisearchIndex(server, nextName, indexSettings).prepare()
      return searchIn(nextName)
    },
    async swap() {
      // Two indexes are swapped or none; an empty one says that it holds nothing.
      const old = await answeredIfThere(client.getRawIndex(name))
      if (!old) await done(client.createIndex(name, { primaryKey: 'id' }))
      await done(client.swapIndexes([{ indexes: [name, nextName], rename: false }]))
      await dropIndex(client, nextName)
    },
    async findFrom(query, revision) {
      const found = await answerOf(name, query, ANSWER_WITHIN_MS)
      if (!found || found.state.layout !== layout) return undefined
      const isBehind = !(numberOf(found.state.revision) >= numberOf(revision))
      return isBehind ? undefined : foundIn(query, found)
    },
    async health() {
      const live = await stateOf(indexOf(name))
      const next = await stateOf(indexOf(nextName))
      const failed = await answered(
        client.tasks.getTasks({ indexUids: [name, nextName], statuses: ['failed'], limit: 1 }),
      )
      return {
        version: (await answered(client.getVersion())).pkgVersion,
        documents: live && (await shownIn(name)),
        revision: live?.layout === layout ? live.revision : undefined,
        isBuilding: next !== undefined,
        failedTasks: failed.total,
        lastFailure: failed.results[0]?.error?.code,
      }
    },
    async drop() {
      for (const uid of [name, nextName]) await dropIndex(client, uid)
    },
  }

  function searchIn(uid: string): Search {
    return {
      ...meilisearchIndex(server, uid, indexSettings),
      find: async (query) => {
        const found = await answerOf(uid, query, REQUEST_WITHIN_MS)
        return foundIn(query, found ?? { ids: [], hasMore: false, quality: 0 })
      },
      ready: async () => (await answered(client.health())).status === 'available',
      close: async () => {},
    }
  }

  async function answerOf(
    uid: string,
    query: SearchQuery,
    withinMs: number,
  ): Promise<Answer | undefined> {
    try {
      const signal = AbortSignal.timeout(withinMs)
      return await answer({ server, uid, semanticRatio, signal }, query)
    } catch (error) {
      if ((error as MeilisearchFault).code === 'index_not_found') return undefined
      throw error
    }
  }

  async function shownIn(uid: string): Promise<number> {
    const shown = { filter: 'is_shown = true', fields: ['id' as const], limit: 0 }
    return (await answered(indexOf(uid).getDocuments(shown))).total
  }
}

function foundIn(query: SearchQuery, page: Pick<Answer, 'ids' | 'hasMore' | 'quality'>): Found {
  const cursor = page.hasMore ? cursorBehind(query, placeOf(query), page) : undefined
  return {
    engine: 'meilisearch',
    items: page.ids,
    ...(cursor !== undefined && { nextCursor: cursor }),
  }
}

/** A revision begins with its number, whatever else an index notes behind it. */
function numberOf(revision: string | undefined): number {
  return Number.parseInt(revision ?? '', 10)
}
