/** What was read of accounts, kept until something of it changes. */

/** Accounts of which something is kept; at one more, all is let go and read anew. */
const MAX_ACCOUNTS = 10_000

export type ByAccount<T> = {
  of(accountId: string): Promise<T>
  forget(): void
  /** Another number whenever something changed. */
  edition(): number
}

export function keptByAccount<T>(read: (accountId: string) => Promise<T>): ByAccount<T> {
  const kept = new Map<string, T>()
  let edition = 0
  return {
    async of(accountId) {
      const known = kept.get(accountId)
      if (known !== undefined) return known
      const before = edition
      const value = await read(accountId)
      // What was read before a change must not outlive it.
      if (edition !== before) return value
      if (kept.size >= MAX_ACCOUNTS) kept.clear()
      kept.set(accountId, value)
      return value
    },
    forget() {
      edition++
      kept.clear()
    },
    edition: () => edition,
  }
}
