/**
 * Writes a batch of units on SQLite in one transaction; a unit that is refused takes only itself
 * down. It is synchronous and takes nothing but data, so that it runs in any thread.
 */
import type { RowWrite, SqliteConnection, SqlValue, Write } from '#store'
import { applyCommand, Refused } from './entries.js'
import type { Recorder, Unit, UnitOutcome } from './ledger.js'
import type { BatchWriter } from './serve-writer.js'
import { sqliteBooks } from './sqlite-books.js'

/** What became of one unit. One that `failed` met an error that was not foreseen. */
export type WrittenOutcome = UnitOutcome | { failed: string; code?: string | undefined }

/** Throws when the storage failed; nothing of the batch was written then. */
export type WriteBatch = (units: readonly Unit[]) => WrittenOutcome[]

/**
 * What serves a thread that writes on SQLite; closing it closes the connection.
 *
 * @param recorder as for {@link createBatchWriter}.
 */
export function sqliteBatchWriter(connection: SqliteConnection, recorder?: Recorder): BatchWriter {
  return {
    write: createBatchWriter(connection, recorder),
    close: () => void connection.close(),
  }
}

/**
 * A function that writes batches on `connection`.
 *
 * @param recorder for units with an `entry`; without one there can be none.
 */
export function createBatchWriter(connection: SqliteConnection, recorder?: Recorder): WriteBatch {
  const books = sqliteBooks(connection)
  const runRow = createRowWriter(connection)
  const control = prepareControl(connection)

  return function writeBatch(units) {
    return transaction(() => together(units)) ?? transaction(() => units.map(apart))!
  }

  /** Commits what `work` did, or undoes it when `work` gives nothing or throws. */
  function transaction<T>(work: () => T | undefined): T | undefined {
    control.begin.run()
    if (control.hasOtherWritten()) recorder?.forget()
    try {
      const result = work()
      if (result === undefined) rollBack()
      else commit()
      return result
    } catch (error) {
      rollBack()
      throw error
    }
  }

  /**
   * Nearly always each unit is accepted. Without savepoints SQLite need not copy every page that a
   * unit is the first to touch, which is half of what it writes.
   *
   * @returns `undefined` when one was not.
   */
  function together(units: readonly Unit[]): WrittenOutcome[] | undefined {
    try {
      const outcomes = units.map(apply)
      books.writeBalances()
      return outcomes
    } catch (error) {
      if (hasEnded(connection, error)) throw error
      return undefined
    }
  }

  /** A savepoint for the unit: when it is refused, only that one is undone. */
  function apart(unit: Unit): WrittenOutcome {
    control.savepoint.run()
    try {
      const outcome = apply(unit)
      books.writeBalances()
      control.release.run()
      return outcome
    } catch (error) {
      if (hasEnded(connection, error)) throw error
      control.undo.run()
      control.release.run()
      forget()
      if (error instanceof Refused) return { accepted: false, refusal: error.refusal }
      return { failed: (error as Error).message }
    }
  }

  function apply(unit: Unit): WrittenOutcome {
    const results = unit.commands.map((command) => applyCommand(books, command))
    for (const row of unit.rows ?? []) runRow(row)
    const recorded = unit.entry === undefined ? undefined : record(unit.entry)
    return { accepted: true, results, recorded }
  }

  function record(entry: unknown): unknown {
    if (!recorder) throw new Error('this ledger has no recorder')
    const { rows, recorded } = recorder.record(entry)
    for (const row of rows) runRow(row)
    return recorded
  }

  function commit(): void {
    control.commit.run()
    books.forget()
  }

  function rollBack(): void {
    if (connection.inTransaction) control.rollback.run()
    forget()
  }

  /** What is in memory may be ahead of what was undone. */
  function forget(): void {
    books.forget()
    recorder?.forget()
  }
}

/** Some errors, such as a full disk, end the whole transaction. */
function hasEnded(connection: SqliteConnection, error: unknown): boolean {
  return !connection.inTransaction || isStorageError(error)
}

/** Whether the storage itself failed, and with it everything that was asked of it. */
function isStorageError(error: unknown): boolean {
  const code = (error as { code?: string } | null)?.code ?? ''
  return /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOMEM)/.test(code)
}

function prepareControl(connection: SqliteConnection) {
  const dataVersion = connection.prepare('pragma data_version').pluck()
  let version: unknown
  return {
    /** Whether another connection has written since this was asked last. */
    hasOtherWritten() {
      const before = version
      version = dataVersion.get()
      return version !== before
    },
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
      statement = connection.prepare(write.one)
      prepared.set(write, statement)
    }
    const { changes } = statement.run(values as SqlValue[])
    if (write.claim && changes === 0) {
      throw new Refused({ reason: 'row', name: write.claim.refusal })
    }
  }
}
