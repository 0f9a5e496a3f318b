/** Work on one thing at a time, on many things at once. */
export type Rounds = {
  /** Works on `id` after this call; calls that wait for the running round share the next one. */
  run(id: string): Promise<void>
  /** Waits for what is running; nothing begins any more. */
  close(): Promise<void>
}

export function createRounds(work: (id: string) => Promise<void>): Rounds {
  const running = new Map<string, Promise<void>>()
  const waiting = new Map<string, Promise<void>>()
  let isClosed = false

  async function begin(id: string): Promise<void> {
    if (isClosed) return
    const round = work(id).finally(() => running.delete(id))
    running.set(id, round)
    await round
  }

  return {
    run(id) {
      const known = waiting.get(id)
      if (known) return known
      const current = running.get(id)
      if (!current) return begin(id)
      const next = current
        .catch(() => {})
        .then(() => {
          waiting.delete(id)
          return begin(id)
        })
      waiting.set(id, next)
      return next
    },
    async close() {
      isClosed = true
      await Promise.allSettled(running.values())
    },
  }
}
