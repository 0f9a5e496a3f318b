/**
 * Keeps a search on a server in step with the catalogue. The outbox is the catalogue itself: every
 * change of a listing and every writing of a standing has a revision, and the index on the server
 * notes how far it is, after the server has stored what came before. So whichever side was down,
 * and whatever was lost, the next round goes on where the index says that it is.
 */

import type { Clock } from '#core/clock'
import { createBreaker, type RemoteSearch, type Search, type Watch } from '#search'
import { currentRevision, int, type Store } from '#store'
import { indexChanged } from './indexing.js'
import type { Learning } from './learning.js'
import { CATALOGUE, LESSONS, STANDINGS } from './revision.js'
import { FIRST_PLACE, type Place, type Standings } from './standing.js'

type Deps = {
  store: Store
  remote: Pick<RemoteSearch, 'live' | 'next' | 'swap'>
  standings: Standings
  learning: Pick<Learning, 'of' | 'changedAfter'>
  clock: Clock
  /** Told when the server cannot be brought up to date, and when it can again. */
  watch: Watch
}

/** Up to where an index is: the revision of the listings, and what else it was told. */
type Noted = { listings: string | undefined; standings: Place; lessons: Place }

/**
 * @returns `push`: when it is done, the server holds everything that was committed before it was
 *   called, unless it is away, or the signal ended it before. An index that is lost, of another
 *   layout or ahead of the catalogue is made anew beside the one that answers, then swapped with it.
 *   One gateway at a time may do it.
 */
export function createPusher(deps: Deps): (signal: AbortSignal) => Promise<void> {
  const breaker = createBreaker(deps.clock, deps.watch)
  // Learning may have been switched on or off meanwhile: each gateway tells all lessons once.
  let hasTaught = false

  return async (signal) => {
    if (!breaker.mayTry()) return
    try {
      await push(signal)
      breaker.worked()
    } catch (error) {
      if (!signal.aborted) breaker.failed(error)
    }
  }

  async function push(signal: AbortSignal): Promise<void> {
    const live = await deps.remote.live()
    if (live && (await isOfThisCatalogue(deps, live))) return bringUp(live, signal)
    const next = await deps.remote.next()
    await bringUp(next, signal)
    await deps.remote.swap()
  }

  async function bringUp(index: Search, signal: AbortSignal): Promise<void> {
    const noted = await notedIn(deps, index)
    if (!hasTaught) noted.lessons = FIRST_PLACE
    const note = () => index.setRevision(writeNote(noted))
    await tellListings(deps, index, noted, signal)
    for await (const { changed, place } of changesIn(deps.standings, noted.standings, signal)) {
      await index.putStanding(changed)
      noted.standings = place
      await note()
    }
    for await (const { changed, place } of changesIn(deps.learning, noted.lessons, signal)) {
      await index.putLessons(changed)
      noted.lessons = place
      await note()
    }
    hasTaught = true
  }
}

type Changes<T> = { changed: T[]; place: Place }

/** What was written after `place`, a few at a time. */
async function* changesIn<T>(
  written: { changedAfter(place: Place): Promise<Changes<T>> },
  place: Place,
  signal: AbortSignal,
): AsyncGenerator<Changes<T>> {
  for (let at = place; ; ) {
    signal.throwIfAborted()
    const next = await written.changedAfter(at)
    if (next.changed.length === 0) return
    yield next
    at = next.place
  }
}

async function isOfThisCatalogue({ store }: Deps, index: Search): Promise<boolean> {
  const { listings } = readNote(await index.revision())
  return int(listings) <= (await currentRevision(store.db, CATALOGUE))
}

/** Where an index is; one that is new gets each standing and lesson with its document. */
async function notedIn({ store }: Deps, index: Search): Promise<Noted> {
  const noted = readNote(await index.revision())
  const isNew = noted.listings === undefined
  const placeIn = async (count: string, place: Place): Promise<Place> => {
    const revision = await currentRevision(store.db, count)
    if (isNew) return { revision, endpointId: '' }
    // Ahead of the catalogue, as after a restore, it knows of nothing that was written since.
    return place.revision <= revision ? place : FIRST_PLACE
  }
  return {
    listings: noted.listings,
    standings: await placeIn(STANDINGS, noted.standings),
    lessons: await placeIn(LESSONS, noted.lessons),
  }
}

function tellListings(deps: Deps, index: Search, noted: Noted, signal: AbortSignal): Promise<void> {
  const search: Search = {
    ...index,
    revision: async () => noted.listings,
    setRevision: async (revision) => {
      noted.listings = revision
      await index.setRevision(writeNote(noted))
    },
    put: async (documents) => {
      signal.throwIfAborted()
      await index.put(documents)
    },
  }
  return indexChanged({ ...deps, search }, async () => signal.throwIfAborted())
}

/** `12 7/wiki.search 3/atlas.map`: listings, standings and lessons. */
function writeNote({ listings, standings, lessons }: Noted): string {
  const places = [standings, lessons].map(({ revision, endpointId }) => `${revision}/${endpointId}`)
  return [listings, ...places].join(' ')
}

function readNote(text: string | undefined): Noted {
  const [listings, standings, lessons] = (text ?? '').split(' ')
  return {
    listings: listings === '' ? undefined : listings,
    standings: readPlace(standings),
    lessons: readPlace(lessons),
  }
}

function readPlace(text: string | undefined): Place {
  if (text === undefined) return FIRST_PLACE
  const [revision, endpointId = ''] = text.split('/')
  return { revision: int(revision), endpointId }
}
