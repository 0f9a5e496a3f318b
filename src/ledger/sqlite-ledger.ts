/** The ledger on SQLite: units that arrive together are written as one batch, in order. */
import { Problem } from '#core/problem'
import { groupCommit, type RowWrite, type SqliteConnection, type Turnstile } from '#store'
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

/**
 * A unit with its rows, made when it is submitted and made again when a unit before it fails; or
 * the error that kept them from being made.
 */
type Made = { unit: Unit; rows: readonly RowWrite[] | Error }

export function sqliteLedger(options: Options): Ledger {
  const books = openBooks(options.money)
  const writer = options.writer ?? inlineWriter(options.money)
  const made = new Set<Made>()
  const queue = groupCommit<Made, UnitOutcome>({
    turnstile: options.turnstile,
    flush: async (batch) => {
      const startedAt = performance.now()
      const outcomes = await flush(writer, made, batch)
      options.onFlush?.(batch.length, performance.now() - startedAt)
      return outcomes
    },
  })

  return {
    commit: async (unit) => {
      const one: Made = { unit, rows: makeRows(unit) }
      if (one.rows instanceof Error) throw one.rows
      made.add(one)
      return queue.submit(one)
    },
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
 * known, all that was made since is undone, and the others are made and written anew.
 */
async function flush(
  writer: Writer,
  made: Set<Made>,
  batch: readonly Made[],
): Promise<(UnitOutcome | Error)[]> {
  const answers = new Map<Made, UnitOutcome | Error>()
  for (let open = batch; open.length > 0; open = batch.filter((one) => !answers.has(one))) {
    for (const one of open) if (one.rows instanceof Error) answers.set(one, one.rows)
    const writable = open.filter((one) => !answers.has(one))
    const result = await write(writer, writable).catch((error: unknown) => {
      for (const one of batch) if (!answers.has(one)) answers.set(one, error as Error)
    })
    if (result?.written) {
      for (const [i, one] of writable.entries()) answers.set(one, toOutcome(result.outcomes[i]!))
      continue
    }
    if (result) answers.set(writable[result.at]!, toOutcome(result.outcome))
    remake(made, answers)
  }
  for (const one of batch) made.delete(one)
  return batch.map((one) => answers.get(one)!)
}

/** Undoes all that is not written, latest first, and makes again what still has a chance. */
function remake(made: Set<Made>, answers: Map<Made, UnitOutcome | Error>): void {
  const unwritten = [...made]
  for (const { unit } of unwritten.toReversed()) unit.onRolledBack?.()
  for (const one of unwritten) {
    if (answers.has(one)) made.delete(one)
    else one.rows = makeRows(one.unit)
  }
}

/** The unit's rows, or what kept them from being made, with nothing left of the attempt. */
function makeRows(unit: Unit): readonly RowWrite[] | Error {
  try {
    return unit.rows?.() ?? []
  } catch (error) {
    unit.onRolledBack?.()
    return error as Error
  }
}

/** @throws Problem `storage_full` when the disk takes no more; nothing of the batch is kept. */
async function write(writer: Writer, batch: readonly Made[]): Promise<BatchResult> {
  try {
    return await writer.write(
      batch.map(({ unit, rows }) => ({
        commands: unit.commands,
        rows: rows as readonly RowWrite[],
        isChained: unit.onRolledBack !== undefined,
      })),
    )
  } catch (error) {
    if (!isStorageError(error)) throw error
    throw new Problem('storage_full', 'The gateway cannot write to its storage.', {
      retryAfterMs: 30_000,
      cause: error,
    })
  }
}

function toOutcome(outcome: PlainOutcome): UnitOutcome | Error {
  return 'failed' in outcome ? new Error(outcome.failed) : outcome
}
