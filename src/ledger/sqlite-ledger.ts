/** The ledger on SQLite: units that arrive together are written as one batch, in order. */
import { Problem } from '#core/problem'
import { groupCommit, type SqliteConnection, type Turnstile } from '#store'
import { createAuditor } from './audit.js'
import { type BatchResult, isStorageError, type PlainOutcome } from './batch.js'
import { available, earned, held, leaving } from './chart.js'
import { balanceAt, countOpenHolds, openBooks, openHolds, usedOf } from './entries.js'
import type { Ledger, Unit, UnitOutcome } from './ledger.js'
import { inlineWriter, type Writer } from './writer.js'

type Options = {
  /** Reads, and writes too where no `writer` is given. */
  money: SqliteConnection
  turnstile: Turnstile
  file: string
  clock: { now(): number }
  /** Where batches are written; in this thread when absent. */
  writer?: Writer
  /** Told after each flush: how many units it held and how long it took, in ms. */
  onFlush?: (units: number, tookMs: number) => void
}

/** A unit whose rows are made, in the order in which they were made. */
type Made = { unit: Unit; rows: ReturnType<NonNullable<Unit['rows']>> }

export function sqliteLedger(options: Options): Ledger {
  const books = openBooks(options.money)
  const writer = options.writer ?? inlineWriter(options.money)
  const queue = groupCommit<Unit, UnitOutcome>({
    turnstile: options.turnstile,
    flush: async (units) => {
      const startedAt = performance.now()
      const outcomes = await flush(writer, units)
      options.onFlush?.(units.length, performance.now() - startedAt)
      return outcomes
    },
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

/**
 * Rows are made before it is known whether their unit is accepted, since they continue chains that
 * later units continue again. When such a unit is refused, nothing was written: its answer is
 * known, what was made is undone, and the others are made and written anew.
 */
async function flush(writer: Writer, units: readonly Unit[]): Promise<(UnitOutcome | Error)[]> {
  const answers = new Map<Unit, UnitOutcome | Error>()
  for (let open = units; open.length > 0; open = open.filter((unit) => !answers.has(unit))) {
    const batch = makeRows(open, answers)
    const result = await writeOrUndo(writer, batch)
    if (result.written) {
      for (const [i, { unit }] of batch.entries()) answers.set(unit, toOutcome(result.outcomes[i]!))
    } else {
      undo(batch)
      answers.set(batch[result.at]!.unit, toOutcome(result.outcome))
    }
  }
  return units.map((unit) => answers.get(unit)!)
}

/** The units with their rows; one whose rows cannot be made is answered with the error. */
function makeRows(units: readonly Unit[], answers: Map<Unit, UnitOutcome | Error>): Made[] {
  const batch: Made[] = []
  for (const unit of units) {
    try {
      batch.push({ unit, rows: unit.rows?.() ?? [] })
    } catch (error) {
      unit.onRolledBack?.()
      answers.set(unit, error as Error)
    }
  }
  return batch
}

async function writeOrUndo(writer: Writer, batch: readonly Made[]): Promise<BatchResult> {
  try {
    return await writer.write(
      batch.map(({ unit, rows }) => ({
        commands: unit.commands,
        rows,
        isChained: unit.onRolledBack !== undefined,
      })),
    )
  } catch (error) {
    undo(batch)
    if (!isStorageError(error)) throw error
    throw new Problem('storage_full', 'The gateway cannot write to its storage.', {
      retryAfterMs: 30_000,
      cause: error,
    })
  }
}

/** In reverse, so that each chain ends where it was before. */
function undo(batch: readonly Made[]): void {
  for (const { unit } of batch.toReversed()) unit.onRolledBack?.()
}

function toOutcome(outcome: PlainOutcome): UnitOutcome | Error {
  return 'failed' in outcome ? new Error(outcome.failed) : outcome
}
