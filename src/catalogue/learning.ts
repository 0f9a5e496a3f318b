/**
 * The learning signal: an endpoint that was bought after a query counts for that query's words.
 * Searches are kept in memory for minutes; what is stored are words that led to a paid call, with who
 * paid. Nothing that an account sells to itself counts, nor anything that was free.
 */
import type { Clock } from '#core/clock'
import { add, type Nanos } from '#core/money'
import type { Lesson } from '#search'
import type { Store } from '#store'
import { createLearnedCredits } from './learned-credits.js'
import { CREDIT } from './lesson-formula.js'
import { type Fence, forgetOldLessons, lessonsAfter, lessonsOf, workOutLessons } from './lessons.js'
import { createRecentSearches } from './recent-searches.js'
import type { Place } from './standing.js'

/** A call that ended, of one buyer at another account's endpoint. Amounts are nano-USDC. */
export type Purchase = {
  keyId: string
  buyerId: string
  sellerId: string
  endpointId: string
  outcome: 'charged' | 'free' | 'refunded' | 'failed'
  charge: Nanos
  fee: Nanos
}

/** Who is looking. */
export type Looker = { key: { id: string } }

export type Learning = {
  searched(looker: Looker, query: string, shown: readonly string[]): void
  opened(looker: Looker, endpointId: string): void
  concluded(purchase: Purchase): void
  rated(mark: { endpointId: string; buyerId: string; score: number }): void
  /** Stores what was learned since the last time. */
  flush(): Promise<void>
  /** For one gateway at a time: works out what is due. */
  workOut(fence: Fence): Promise<void>
  forgetOld(fence: Fence): Promise<void>
  /** What search is to know of these endpoints. */
  of(endpointIds: readonly string[]): Promise<Lesson[]>
  /** The next few lessons that were written after `place`, by any gateway, and where they end. */
  changedAfter(place: Place): Promise<{ changed: Lesson[]; place: Place }>
}

/** @param isOn whether anything is learned and search is told; off, it is told that there is nothing. */
export function createLearning({ store, clock, isOn }: Deps): Learning {
  const searches = createRecentSearches()
  const credits = createLearnedCredits({ store })
  const shown = (lessons: Lesson[]) => (isOn ? lessons : lessons.map(unlearned))

  return {
    searched({ key }, query, results) {
      if (isOn) searches.searched(key.id, query, results, clock.now())
    },
    opened({ key }, endpointId) {
      if (isOn) searches.opened(key.id, endpointId, clock.now())
    },
    concluded(purchase) {
      if (isOn) learnFrom(purchase)
    },
    rated(mark) {
      if (isOn) credits.marked(mark)
    },
    flush: () => credits.flush(clock.now()),
    workOut: async (fence) => {
      if (isOn) await workOutLessons(store, fence, clock.now())
    },
    forgetOld: (fence) => forgetOldLessons(store, fence, clock.now()),
    of: async (endpointIds) => shown(await lessonsOf(store.db, endpointIds)),
    changedAfter: async (place) => {
      const next = await lessonsAfter(store, place)
      return { changed: shown(next.changed), place: next.place }
    },
  }

  function learnFrom({ keyId, buyerId, sellerId, endpointId, outcome, charge, fee }: Purchase) {
    const atMs = clock.now()
    const isPaid = outcome === 'charged' && add(charge, fee) > 0n
    if (isPaid) credits.spent(buyerId, sellerId, { paid: charge, fee }, atMs)
    if (!isPaid && outcome !== 'refunded') return
    for (const { words, how } of searches.ledTo(keyId, endpointId, atMs)) {
      if (!isPaid && how === 'sought') continue
      const percent = isPaid ? CREDIT[how] : CREDIT.refunded
      for (const word of words) {
        const who = { endpoint_id: endpointId, buyer_id: buyerId, seller_id: sellerId }
        credits.credit({ ...who, word, percent }, atMs)
      }
    }
  }
}

type Deps = { store: Store; clock: Clock; isOn: boolean }

function unlearned({ endpointId }: Lesson): Lesson {
  return { endpointId, words: {} }
}
