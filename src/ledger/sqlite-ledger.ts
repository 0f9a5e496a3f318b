/** The ledger on SQLite: units that arrive together are written as one batch, in order. */
import type { SqliteConnection, Turnstile } from '#store'
import { createAuditor, recomputeInWorker } from './audit.js'
import { available, earned, held, leaving } from './chart.js'
import { commitQueue } from './commit-queue.js'
import type { Ledger } from './ledger.js'
import { readBooks } from './sqlite-books.js'
import type { Writer } from './writer.js'

type Options = {
  /** What is read from. */
  money: SqliteConnection
  turnstile: Turnstile
  file: string
  clock: { now(): number }
  /** Where batches are written. */
  writer: Writer
}

export function sqliteLedger(options: Options): Ledger {
  const books = readBooks(options.money)
  const queue = commitQueue(options.writer, options.turnstile)

  return {
    commit: (unit) => queue.submit(unit),
    waiting: () => queue.waiting(),
    takesWrites: () => queue.takesWrites(),
    balanceOf: async (account) => ({
      available: books.balanceAt(available(account)),
      held: books.balanceAt(held(account)),
    }),
    earningsOf: async (account) => ({
      earned: books.balanceAt(earned(account)),
      leaving: books.balanceAt(leaving(account)),
    }),
    usedOf: async (windows) => windows.map(({ scope, window }) => books.usedOf(scope, window)),
    openHolds: async (deadlineBeforeMs, limit) => books.openHolds(deadlineBeforeMs, limit),
    openHoldCount: async () => books.openHoldCount(),
    audit: createAuditor({ recompute: recomputeInWorker(options.file), clock: options.clock }),
    tend: async () => {},
    now: async () => options.clock.now(),
    close: () => queue.close(),
  }
}
