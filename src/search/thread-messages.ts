/** What the search asks its thread, and what comes back. */
import type { Place } from './cursor.js'
import type { Lesson, SearchDocument, SearchQuery, Standing } from './search.js'

export type PageQuestion = Omit<SearchQuery, 'cursor'> & { place: Place }

/** Endpoint ids, best first; `quality` is that of the last one. */
export type PageAnswer = { ids: string[]; hasMore: boolean; quality: number }

/** What the thread does, by name: what each takes and gives. */
export type IndexWork = {
  put(documents: readonly SearchDocument[]): Promise<void>
  remove(endpointIds: readonly string[]): Promise<void>
  putStanding(standings: readonly Standing[]): Promise<void>
  putLessons(lessons: readonly Lesson[]): Promise<void>
  clear(): Promise<void>
  find(question: PageQuestion): Promise<PageAnswer>
  categories(only?: ReadonlySet<string>): Promise<{ name: string; count: number }[]>
  revision(): Promise<string | undefined>
  setRevision(revision: string): Promise<void>
  /** Stores what is not stored yet; nothing may be asked afterwards. */
  close(): Promise<void>
}

export type WorkName = keyof IndexWork

/** The id of what the thread says by itself: what went wrong behind the scenes. */
export const NOT_ASKED = 0

export type ThreadRequest = { id: number; name: WorkName; given: unknown }
export type ThreadAnswer = { id: number; result?: unknown; error?: string }
