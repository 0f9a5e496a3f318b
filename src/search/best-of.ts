/** The best few of many, without sorting all of them. */

/** Whether `a` comes before `b`. */
type IsBefore = (a: number, b: number) => boolean

/**
 * Takes numbers one by one and keeps the first `most` of them by `isBefore`, which must be a total
 * order. A heap with the last of those that are kept on its top.
 */
export function keepBest(most: number, isBefore: IsBefore) {
  const heap: number[] = []

  return {
    /** The last of those that are kept, once there are as many as are kept. */
    last: (): number | undefined => (heap.length < most ? undefined : heap[0]),
    add(candidate: number): void {
      if (heap.length < most) rise(heap.push(candidate) - 1)
      else if (most > 0 && isBefore(candidate, heap[0]!)) {
        heap[0] = candidate
        sink()
      }
    },
    inOrder: (): number[] => [...heap].sort((a, b) => (a === b ? 0 : isBefore(a, b) ? -1 : 1)),
  }

  function rise(from: number): void {
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(heap[above]!, heap[at]!)) return
      swap(at, above)
      at = above
    }
  }

  function sink(): void {
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) return
      if (below + 1 < heap.length && isBefore(heap[below]!, heap[below + 1]!)) below++
      if (!isBefore(heap[at]!, heap[below]!)) return
      swap(at, below)
      at = below
    }
  }

  function swap(a: number, b: number): void {
    const kept = heap[a]!
    heap[a] = heap[b]!
    heap[b] = kept
  }
}
