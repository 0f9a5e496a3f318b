/**
 * Keeps this gateway in step with the catalogue, whichever gateway changed it: its offers, its
 * search, and the standings and lessons that the search ranks by.
 */

import type { Search } from '#search'
import { currentRevision, int, type Store } from '#store'
import type { Cards } from './cards.js'
import { indexChanged } from './indexing.js'
import type { Learning } from './learning.js'
import type { Offers } from './offers.js'
import type { OwnThings } from './own-things.js'
import { CATALOGUE } from './revision.js'
import { FIRST_PLACE, type Standings } from './standing.js'

type Deps = {
  store: Store
  search: Search
  offers: Offers
  cards: Cards
  own: OwnThings
  standings: Standings
  learning: Learning
}

/**
 * @returns `follow`: when it is done, this gateway shows and sells everything that was committed
 *   before it was called. Call it every second, and after each change of this gateway's own.
 */
export async function createFollower(deps: Deps): Promise<() => Promise<void>> {
  const { store, search, offers, cards, own, standings, learning } = deps
  // No offer is known yet, so none of those that were changed by now has to be forgotten.
  let forgotten = await currentRevision(store.db, CATALOGUE)
  let told = FIRST_PLACE
  let taught = FIRST_PLACE
  // One round at a time, so that nothing older is written into the search after something newer.
  const round = oneAtATime(async () => {
    await indexChanged(deps, forgetChanged)
    await tellStandings()
    await tellLessons()
  })

  return async () => {
    // First, and even while a round is on: a call must not wait for the search to get the new price.
    await forgetChanged()
    await round()
  }

  async function forgetChanged(): Promise<void> {
    const rows = await store.query<{ id: string; seller_id: string; revision: bigint }>(
      'select id, seller_id, revision from listings where revision > ? order by revision',
      [forgotten],
    )
    if (rows.length === 0) return
    const changed = new Set(rows.map(({ id }) => id))
    offers.forget(changed)
    cards.forget(changed)
    own.forget(rows.map(({ seller_id }) => seller_id))
    forgotten = Math.max(forgotten, int(rows.at(-1)!.revision))
  }

  async function tellStandings(): Promise<void> {
    for (;;) {
      const { changed, place } = await standings.changedAfter(told)
      if (changed.length === 0) return
      await search.putStanding(changed)
      told = place
    }
  }

  async function tellLessons(): Promise<void> {
    for (;;) {
      const { changed, place } = await learning.changedAfter(taught)
      if (changed.length === 0) return
      await search.putLessons(changed)
      taught = place
    }
  }
}

/** Runs `work` after each call, never twice at once; calls that wait for a run share it. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  let waiting: Promise<void> | undefined
  return () => {
    waiting ??= last
      .catch(() => {})
      .then(() => {
        waiting = undefined
        return work()
      })
    last = waiting
    return last
  }
}
