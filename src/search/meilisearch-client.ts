/** Speaks with a Meilisearch server: requests with a deadline, tasks that are waited for. */

import {
  type EnqueuedTaskPromise,
  Meilisearch,
  MeilisearchApiError,
  type MultiSearchQuery,
  type SearchResponse,
} from 'meilisearch'

export type { Index, MultiSearchQuery, SearchResponse, Settings } from 'meilisearch'

/** For what no searcher waits for. */
export const REQUEST_WITHIN_MS = 30_000
/** One task may hold a thousand documents, and an embedder may have to read them all. */
const TASK_WITHIN_MS = 10 * 60_000
const LOOK_AGAIN_MS = 50

/** An idle connection that the server closes while it is used again; nothing is wrong then. */
const CLOSED_MEANWHILE = new Set(['ECONNRESET', 'UND_ERR_SOCKET'])

export type MeilisearchServer = {
  client: Meilisearch
  /** The answers to several questions at once. */
  ask(queries: MultiSearchQuery[], signal: AbortSignal): Promise<SearchResponse[]>
}

/** Something that the server did not do. The message names no key and no address. */
export type MeilisearchFault = Error & { code: string }

/**
 * @param url of the server, without user and password.
 */
export function connectMeilisearch(url: string, key: string | undefined): MeilisearchServer {
  const access = { host: url, ...(key !== undefined && { apiKey: key }) }
  // The client's own timeout has no effect where a signal is given.
  const asking = new Meilisearch(access)
  return {
    client: new Meilisearch({ ...access, timeout: REQUEST_WITHIN_MS }),
    async ask(queries, signal) {
      const once = () => answered(asking.multiSearch({ queries }, { signal }))
      const { results } = await once().catch((error: MeilisearchFault) => {
        if (!CLOSED_MEANWHILE.has(error.code)) throw error
        return once()
      })
      return results
    },
  }
}

/**
 * What the server answers.
 *
 * @throws MeilisearchFault whatever went wrong.
 */
export async function answered<T>(request: Promise<T>): Promise<T> {
  try {
    return await request
  } catch (error) {
    throw faultOf(error)
  }
}

/**
 * What the server answers, `undefined` where there is no such index or document.
 *
 * @throws MeilisearchFault whatever else went wrong.
 */
export async function answeredIfThere<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await answered(request)
  } catch (error) {
    const { code } = error as MeilisearchFault
    if (code === 'index_not_found' || code === 'document_not_found') return undefined
    throw error
  }
}

/**
 * Waits until the server has done what it was told: only then is it stored for good.
 *
 * @throws MeilisearchFault where the task failed, was cancelled or takes too long.
 */
export async function done(task: EnqueuedTaskPromise): Promise<void> {
  const { status, error } = await answered(
    task.waitTask({ timeout: TASK_WITHIN_MS, interval: LOOK_AGAIN_MS }),
  )
  if (status === 'succeeded') return
  throw fault(error?.code ?? status, `failed at a task (${error?.code ?? status})`)
}

function faultOf(error: unknown): MeilisearchFault {
  if (error instanceof MeilisearchApiError) {
    const code = error.cause?.code ?? 'unknown'
    return fault(code, `answered ${error.response.status} (${code})`)
  }
  if (error instanceof SyntaxError) return fault('not_json', 'did not answer with JSON')
  const code = codeOf(error)
  return fault(code, `does not answer (${code})`)
}

function fault(code: string, what: string): MeilisearchFault {
  return Object.assign(new Error(`Meilisearch ${what}.`), { code })
}

/** The code of a system error, however deep the clients have wrapped it. */
function codeOf(error: unknown): string {
  const { code, name, cause } = Object(error)
  if (typeof code === 'string') return code
  if (cause !== undefined && cause !== error) return codeOf(cause)
  return typeof name === 'string' ? name : 'unknown'
}
