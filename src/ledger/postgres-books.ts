/**
 * The books on PostgreSQL during one transaction: all rows that a batch may change were read and
 * locked, so commands are decided in memory exactly as one by one, and what they changed is written
 * in a few statements afterwards.
 */
import type { Books, Entry, HoldRow } from './books.js'
import { isCreditedOnly, mayBeNegative } from './chart.js'
import type { Counter } from './ledger.js'

/** What was read and locked. */
export type Facts = {
  /** By address. */
  accounts: Map<string, bigint>
  /** Open holds by reference. */
  holds: Map<string, HoldRow>
  /** By {@link counterName}. */
  counters: Map<string, bigint>
  /** By {@link postingName}. */
  posted: Set<string>
}

/** What is to be written, in the order in which it happened. */
export type Changes = {
  /** What was added to each balance. */
  moved: Map<string, bigint>
  entries: Entry[]
  opened: Map<string, OpenedHold>
  closed: Set<string>
  /** What was added to each counter. */
  counted: Map<string, Counted>
}

export type OpenedHold = HoldRow & { lifeMs: number }
export type Counted = { scope: string; window: string; change: bigint }

export type PostgresBooks = Books & {
  changes: Changes
  /** Takes back what was done since the last `keep`. */
  undo(): void
  keep(): void
}

export function counterName(scope: string, window: string): string {
  return `${scope}\n${window}`
}

export function postingName(reference: string, kind: string, position: number | bigint): string {
  return `${reference}\n${kind}\n${position}`
}

export function postgresBooks(facts: Facts): PostgresBooks {
  const { accounts, holds, counters, posted } = facts
  const changes = noChanges()
  const journal = createJournal()
  const { set, unset } = journal

  return {
    changes,
    keep: journal.keep,
    undo: journal.undo,
    balance: (address) => accounts.get(address) ?? 0n,
    move(address, delta) {
      const balance = accounts.get(address) ?? 0n
      const isPaidIn = isCreditedOnly(address) && delta >= 0n
      if (!isPaidIn && balance + delta < 0n && !mayBeNegative(address)) return false
      set(accounts, address, balance + delta)
      set(changes.moved, address, (changes.moved.get(address) ?? 0n) + delta)
      return true
    },
    post(entry) {
      const name = postingName(entry.reference, entry.kind, entry.position)
      if (posted.has(name)) return false
      posted.add(name)
      changes.entries.push(entry)
      journal.undoBy(() => {
        posted.delete(name)
        changes.entries.pop()
      })
      return true
    },
    openHold(hold, { atMs, deadlineMs }) {
      if (holds.has(hold.reference)) return false
      set(holds, hold.reference, hold)
      set(changes.opened, hold.reference, { ...hold, lifeMs: deadlineMs - atMs })
      return true
    },
    closeHold(reference) {
      const hold = holds.get(reference)
      if (!hold) return undefined
      unset(holds, reference)
      if (changes.opened.has(reference)) unset(changes.opened, reference)
      else {
        changes.closed.add(reference)
        journal.undoBy(() => changes.closed.delete(reference))
      }
      return hold
    },
    endingOf: (reference) =>
      (['capture', 'release'] as const).find((kind) =>
        // The parts of nothing are left out of an entry.
        [0, 1, 2].some((position) => posted.has(postingName(reference, kind, position))),
      ),
    count(counter) {
      const { scope, window, amount, ceiling } = counter
      const used = usedOf(counter)
      if (used + amount > ceiling) return false
      change({ scope, window, change: amount })
      return true
    },
    used: (scope, window) => usedOf({ scope, window }),
    uncount(scope, window, back) {
      const used = usedOf({ scope, window })
      // A counter that was purged stays gone.
      if (used === 0n) return
      change({ scope, window, change: -(back < used ? back : used) })
    },
  }

  function usedOf({ scope, window }: Pick<Counter, 'scope' | 'window'>): bigint {
    return counters.get(counterName(scope, window)) ?? 0n
  }

  function change(by: Counted): void {
    const name = counterName(by.scope, by.window)
    set(counters, name, (counters.get(name) ?? 0n) + by.change)
    const before = changes.counted.get(name)?.change ?? 0n
    set(changes.counted, name, { ...by, change: before + by.change })
  }
}

function noChanges(): Changes {
  return {
    moved: new Map(),
    entries: [],
    opened: new Map(),
    closed: new Set(),
    counted: new Map(),
  }
}

/** Remembers how to take back what was done, so that a refused unit leaves nothing behind. */
function createJournal() {
  const undoing: (() => void)[] = []
  return {
    undoBy: (step: () => void) => void undoing.push(step),
    keep: () => void undoing.splice(0),
    undo() {
      while (undoing.length > 0) undoing.pop()!()
    },
    set<V>(map: Map<string, V>, key: string, value: V): void {
      const before = map.get(key)
      undoing.push(() => (before === undefined ? map.delete(key) : map.set(key, before)))
      map.set(key, value)
    },
    unset<V>(map: Map<string, V>, key: string): void {
      const before = map.get(key)!
      undoing.push(() => map.set(key, before))
      map.delete(key)
    },
  }
}
