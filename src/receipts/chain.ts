/** The heads of the buyers' receipt chains: where each one stands, kept in memory. */
import assert from 'node:assert/strict'

/**
 * The last receipt of a chain: its `seq`, and the SHA-256 of its JWS text in lower-case hex, which
 * the next receipt carries as `prev`. Before the first receipt `seq` is 0 and `prev` is `null`.
 */
export type Head = { seq: number; prev: string | null }

const BEFORE_THE_FIRST: Head = { seq: 0, prev: null }

export type ChainHeads = {
  has(buyer: string): boolean
  seed(buyer: string, head: Head | undefined): void
  at(buyer: string): Head
  advance(buyer: string, prev: string): () => void
  forget(buyer: string): void
}

/** Keeps the heads of the `limit` buyers that were asked for last. */
export function chainHeads(limit: number): ChainHeads {
  // A map keeps the order of insertion, so its first key is the one unused for longest.
  const heads = new Map<string, Head>()
  return { has, seed, at, advance, forget }

  /** Asking counts as use: the head is then not the next to be dropped. */
  function has(buyer: string): boolean {
    const head = heads.get(buyer)
    if (head) keep(buyer, head)
    return head !== undefined
  }

  /** A head that is here already stays: it may be ahead of the stored one that the caller read. */
  function seed(buyer: string, head: Head | undefined): void {
    const { seq, prev } = head ?? BEFORE_THE_FIRST
    assert(Number.isSafeInteger(seq) && seq >= 0, 'a seq is a whole number')
    assert((seq === 0) === (prev === null), 'only an empty chain has no previous receipt')
    if (!has(buyer)) keep(buyer, { seq, prev })
  }

  function at(buyer: string): Head {
    const head = heads.get(buyer)
    assert(head, 'the chain head of a buyer is seeded before a receipt is issued')
    return head
  }

  /** Moves the head one receipt on; the function it gives takes that back. */
  function advance(buyer: string, prev: string): () => void {
    const before = at(buyer)
    keep(buyer, { seq: before.seq + 1, prev })
    return () => {
      const head = heads.get(buyer)
      // The lowest wins, so several steps taken back in any order end where the first began.
      if (head && head.seq > before.seq) keep(buyer, before)
    }
  }

  function forget(buyer: string): void {
    heads.delete(buyer)
  }

  function keep(buyer: string, head: Head): void {
    heads.delete(buyer)
    heads.set(buyer, head)
    if (heads.size <= limit) return
    const [unusedForLongest] = heads.keys()
    if (unusedForLongest !== undefined) heads.delete(unusedForLongest)
  }
}
