/**
 * Writes a batch of units on SQLite: one transaction, one savepoint a unit. It is synchronous and
 * takes nothing but data, so that it runs in the thread of its caller or in one of its own.
 */
import type { RowWrite, SqliteConnection, SqlValue, Write } from '#store'
import { applyCommand, type Books, openBooks, Refused } from './entries.js'
import type { Accepted, Command, Refusal } from './ledger.js'

/** A unit of work as data. */
export type PlainUnit = {
  commands: readonly Command[]
  rows: readonly RowWrite[]
  /** Whether later units of the batch were made on the assumption that this one is accepted. */
  isChained: boolean
}

/** What became of one unit. One that `failed` met an error that was not foreseen. */
export type PlainOutcome =
  | { accepted: true; results: Accepted[] }
  | { accepted: false; refusal: Refusal }
  | { failed: string }

export type BatchResult =
  | { written: true; outcomes: PlainOutcome[] }
  /** A chained unit was not accepted: nothing of the batch was written. */
  | { written: false; at: number; outcome: PlainOutcome }

export type WriteBatch = (units: readonly PlainUnit[]) => BatchResult

/** A function that writes batches on `connection`, which nobody else writes on. */
export function createBatchWriter(connection: SqliteConnection): WriteBatch {
  const books = openBooks(connection)
  const runRow = createRowWriter(connection)
  const control = prepareControl(connection)

  return function writeBatch(units) {
    const outcomes: PlainOutcome[] = []
    try {
      control.begin.run()
      for (const [at, unit] of units.entries()) {
        const outcome = applyUnit(unit)
        if (unit.isChained && !('accepted' in outcome && outcome.accepted)) {
          rollBack()
          return { written: false, at, outcome }
        }
        outcomes.push(outcome)
      }
      control.commit.run()
      return { written: true, outcomes }
    } catch (error) {
      rollBack()
      throw error
    }
  }

  function applyUnit(unit: PlainUnit): PlainOutcome {
    control.savepoint.run()
    try {
      const results = unit.commands.map((command) => applyCommand(books, command))
      for (const row of unit.rows) runRow(row)
      control.release.run()
      return { accepted: true, results }
    } catch (error) {
      // Some errors, such as a full disk, have ended the whole transaction.
      if (!connection.inTransaction || isStorageError(error)) throw error
      control.undo.run()
      control.release.run()
      forgetAddresses(books)
      if (error instanceof Refused) return { accepted: false, refusal: error.refusal }
      return { failed: (error as Error).message }
    }
  }

  function rollBack(): void {
    if (connection.inTransaction) control.rollback.run()
    forgetAddresses(books)
  }
}

/** Whether the storage itself failed, and with it everything that was asked of it. */
export function isStorageError(error: unknown): boolean {
  const code = (error as { code?: string } | null)?.code ?? ''
  return /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOMEM)/.test(code)
}

/** Addresses made in what was rolled back have no ids any more. */
function forgetAddresses(books: Books): void {
  books.addressIds.clear()
}

function prepareControl(connection: SqliteConnection) {
  return {
    begin: connection.prepare('begin immediate'),
    commit: connection.prepare('commit'),
    rollback: connection.prepare('rollback'),
    savepoint: connection.prepare('savepoint unit'),
    release: connection.prepare('release unit'),
    undo: connection.prepare('rollback to unit'),
  }
}

function createRowWriter(connection: SqliteConnection): (row: RowWrite) => void {
  const prepared = new Map<Write, ReturnType<SqliteConnection['prepare']>>()
  return ({ write, values }) => {
    let statement = prepared.get(write)
    if (!statement) {
      statement = connection.prepare(write.sql)
      prepared.set(write, statement)
    }
    const { changes } = statement.run(values as SqlValue[])
    if (write.refusal !== undefined && changes === 0) {
      throw new Refused({ reason: 'row', name: write.refusal })
    }
  }
}
