/** The ledger on SQLite: units that arrive together are written as one batch, in order. */
import { Problem } from '#core/problem'
import { groupCommit, type SqliteConnection, type Turnstile } from '#store'
import { createAuditor } from './audit.js'
import { isStorageError, type WrittenOutcome } from './batch.js'
import { available, earned, held, leaving } from './chart.js'
import { balanceAt, countOpenHolds, openBooks, openHolds, usedOf } from './entries.js'
import type { Ledger, Unit, UnitOutcome } from './ledger.js'
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
  const books = openBooks(options.money)
  const { writer } = options
  const queue = groupCommit<Unit, UnitOutcome>({
    turnstile: options.turnstile,
    flush: async (units) => (await write(writer, units)).map(orError),
  })

  return {
    commit: (unit) => queue.submit(unit),
    waiting: () => queue.waiting(),
    balanceOf: async (account) => ({
      available: balanceAt(books, available(account)),
      held: balanceAt(books, held(account)),
    }),
    earningsOf: async (account) => ({
      earned: balanceAt(books, earned(account)),
      leaving: balanceAt(books, leaving(account)),
    }),
    usedOf: async (windows) => windows.map(({ scope, window }) => usedOf(books, scope, window)),
    openHolds: async (deadlineBeforeMs, limit) => openHolds(books, deadlineBeforeMs, limit),
    openHoldCount: async () => countOpenHolds(books),
    audit: createAuditor({ file: options.file, clock: options.clock }),
    close: async () => {
      await queue.settled()
      await writer.close()
    },
  }
}

/** @throws Problem `storage_full` when the disk takes no more; nothing of the units is kept. */
async function write(writer: Writer, units: readonly Unit[]): Promise<WrittenOutcome[]> {
  try {
    return await writer.write(units)
  } catch (error) {
    if (!isStorageError(error)) throw error
    throw new Problem('storage_full', 'The gateway cannot write to its storage.', {
      retryAfterMs: 30_000,
      cause: error,
    })
  }
}

function orError(outcome: WrittenOutcome): UnitOutcome | Error {
  return 'failed' in outcome ? new Error(outcome.failed) : outcome
}
