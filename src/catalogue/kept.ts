/** What was read of listings, kept until they change. */

type OfListing = { listingId: string }

export type Kept<T extends OfListing> = {
  get(name: string): T | undefined
  /**
   * Call it before reading; the function it gives keeps what was read, unless something was forgotten
   * meanwhile: what was read before a change must not outlive it.
   */
  reading(): (name: string, value: T) => void
  forget(listingIds: ReadonlySet<string>): void
  /** How often something was forgotten. */
  forgotten(): number
}

/** @param most things that are kept; at one more, all are let go and read anew. */
export function createKept<T extends OfListing>(most: number): Kept<T> {
  const kept = new Map<string, T>()
  let forgets = 0
  return {
    get: (name) => kept.get(name),
    forgotten: () => forgets,
    reading() {
      const forgetsBefore = forgets
      return (name, value) => {
        if (forgets !== forgetsBefore) return
        if (kept.size >= most) kept.clear()
        kept.set(name, value)
      }
    },
    forget(listingIds) {
      forgets++
      for (const [name, { listingId }] of kept) if (listingIds.has(listingId)) kept.delete(name)
    },
  }
}
