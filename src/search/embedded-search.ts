/**
 * The search that needs no server: an index of our own in a thread of its own, and a file that is
 * derived from the catalogue and can be thrown away at any time.
 */
import type { Worker } from 'node:worker_threads'
import { Problem } from '#core/problem'
import { startThread } from '#core/thread'
import { cursorBehind, placeOf } from './cursor.js'
import type { Search } from './search.js'
import { type IndexWork, NOT_ASKED, type ThreadAnswer, type WorkName } from './thread-messages.js'

/** Documents that are indexed at once: searches wait that long, some ten milliseconds. */
const PORTION = 50
/** By then whoever watches over the gateway may have started it again. */
const RETRY_AFTER_MS = 5_000

/**
 * A search over its own file, or in memory only for `:memory:`. A file that is damaged or of another
 * layout counts as none: the search is empty and without a revision.
 *
 * @param report is told why the file could not be written. Searches go on; a restart indexes again.
 */
export function embeddedSearch(file: string, report: (error: Error) => void = () => {}): Search {
  const thread = openThread(file === ':memory:' ? undefined : file, report)
  let closing: Promise<void> | undefined

  return {
    async put(documents) {
      for (let at = 0; at < documents.length; at += PORTION) {
        await thread.ask('put', documents.slice(at, at + PORTION))
      }
    },
    remove: (endpointIds) => thread.ask('remove', endpointIds),
    putStanding: (standings) => thread.ask('putStanding', standings),
    putLessons: (lessons) => thread.ask('putLessons', lessons),
    clear: () => thread.ask('clear'),
    async find(query) {
      const { cursor, ...question } = query
      const place = placeOf(query)
      const page = await thread.ask('find', { ...question, place })
      const found = { engine: 'embedded' as const, items: page.ids }
      const nextCursor = page.hasMore ? cursorBehind(query, place, page) : undefined
      return nextCursor === undefined ? found : { ...found, nextCursor }
    },
    categories: (only) => thread.ask('categories', only),
    revision: () => thread.ask('revision'),
    setRevision: (revision) => thread.ask('setRevision', revision),
    ready: async () => closing === undefined && thread.isAlive(),
    close() {
      // A thread that died has nothing more to store.
      closing ??= thread.isAlive() ? thread.ask('close') : Promise.resolve()
      return closing
    },
  }
}

type Waiting = { resolve(result: unknown): void; reject(error: Error): void }

/** The thread that holds the index; what is asked of it is answered in its own time. */
function openThread(file: string | undefined, report: (error: Error) => void) {
  const worker: Worker = startThread(new URL('./search-thread.js', import.meta.url), {
    workerData: { file },
  })
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let ended: Problem | undefined

  worker.on('message', ({ id, result, error }: ThreadAnswer) => {
    if (id === NOT_ASKED) return report(new Error(`The search index is not stored: ${error}`))
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(result)
    else asked?.reject(new Error(`The search failed: ${error}`))
  })
  worker.on('error', end)
  worker.on('exit', () => end())

  function end(cause?: unknown): void {
    ended ??= away(cause)
    for (const { reject } of waiting.values()) reject(ended)
    waiting.clear()
  }

  return {
    isAlive: () => ended === undefined,
    ask<N extends WorkName>(
      name: N,
      ...[given]: Parameters<IndexWork[N]>
    ): ReturnType<IndexWork[N]> {
      const answer = new Promise((resolve, reject) => {
        if (ended) return reject(ended)
        waiting.set(++lastId, { resolve, reject })
        worker.postMessage({ id: lastId, name, given })
      })
      return answer as ReturnType<IndexWork[N]>
    },
  }
}

/** For good: only a new start of the gateway opens the index again. */
function away(cause: unknown): Problem {
  return new Problem('busy', 'The search does not answer.', {
    status: 503,
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  })
}
