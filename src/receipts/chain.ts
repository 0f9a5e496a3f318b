/** The heads of the buyers' receipt chains: where each one stands. */
import assert from 'node:assert/strict'

/**
 * The last receipt of a chain: its `seq`, and the SHA-256 of its JWS text in lower-case hex, which
 * the next receipt carries as `prev`. Before the first receipt `seq` is 0 and `prev` is `null`.
 */
export type Head = { seq: number; prev: string | null }

const BEFORE_THE_FIRST: Head = { seq: 0, prev: null }

export type ChainHeads = {
  at(buyer: string): Head
  /** Whether the head is in memory; it stays there while the next few are asked for. */
  knows(buyer: string): boolean
  /** Takes the stored head of a buyer's chain in; `undefined` without a receipt. */
  learn(buyer: string, head: Head | undefined): void
  /** Moves the head of a buyer one receipt on. */
  advance(buyer: string, prev: string): void
  /** Drops all heads, so that they are read from the database again. */
  forget(): void
}

/**
 * Keeps the heads of the `limit` buyers that were asked for last.
 *
 * @param stored the head of a buyer's chain in the database, `undefined` without a receipt.
 */
export function chainHeads(limit: number, stored: (buyer: string) => Head | undefined): ChainHeads {
  // A map keeps the order of insertion, so its first key is the one unused for longest.
  const heads = new Map<string, Head>()

  return {
    at,
    advance(buyer, prev) {
      remember(buyer, { seq: at(buyer).seq + 1, prev })
    },
    knows(buyer) {
      const head = heads.get(buyer)
      if (head) remember(buyer, head)
      return head !== undefined
    },
    learn: (buyer, head) => void remember(buyer, checked(head)),
    forget: () => heads.clear(),
  }

  function at(buyer: string): Head {
    return remember(buyer, heads.get(buyer) ?? checked(stored(buyer)))
  }

  function remember(buyer: string, head: Head): Head {
    heads.delete(buyer)
    heads.set(buyer, head)
    const [unusedForLongest] = heads.keys()
    if (heads.size > limit && unusedForLongest !== undefined) heads.delete(unusedForLongest)
    return head
  }
}

function checked(head: Head = BEFORE_THE_FIRST): Head {
  const { seq, prev } = head
  assert(Number.isSafeInteger(seq) && seq >= 0, 'a seq is a whole number')
  assert((seq === 0) === (prev === null), 'only an empty chain has no previous receipt')
  return head
}
