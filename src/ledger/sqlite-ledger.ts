/**
 * The ledger on SQLite: one synchronous transaction a flush, one savepoint a unit, statements
 * prepared once. Only this file and its sibling `entries.ts` write to the ledger's tables.
 */

import { Problem } from '#core/problem'
import {
  groupCommit,
  type RowWrite,
  type SqliteConnection,
  type SqlValue,
  type Turnstile,
} from '#store'
import { createAuditor } from './audit.js'
import { available, earned, held, leaving } from './chart.js'
import {
  applyCommand,
  balanceAt,
  countOpenHolds,
  openBooks,
  openHolds,
  Refused,
  usedOf,
} from './entries.js'
import type { Accepted, Ledger, Unit, UnitOutcome } from './ledger.js'

type Options = {
  money: SqliteConnection
  turnstile: Turnstile
  file: string
  clock: { now(): number }
  /** Told after each flush: how many units it held and how long it took, in ms. */
  onFlush?: (units: number, tookMs: number) => void
}

export function sqliteLedger(options: Options): Ledger {
  const { money } = options
  const books = openBooks(money)
  const writes = createRowWriter(money)
  const control = prepareControl(money)

  const queue = groupCommit<Unit, UnitOutcome>({ turnstile: options.turnstile, flush })
  const audit = createAuditor({ file: options.file, clock: options.clock })

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
    audit,
  }

  function flush(units: readonly Unit[]): (UnitOutcome | Error)[] {
    const startedAt = performance.now()
    const applied: Unit[] = []
    try {
      control.begin.run()
      const outcomes = units.map((unit) => applyUnit(unit, applied))
      control.commit.run()
      options.onFlush?.(units.length, performance.now() - startedAt)
      return outcomes
    } catch (error) {
      if (money.inTransaction) control.rollback.run()
      books.addressIds.clear()
      for (const unit of applied.reverse()) unit.onRolledBack?.()
      throw storageProblem(error)
    }
  }

  /** Errors that end the whole transaction are thrown; all others take only their unit down. */
  function applyUnit(unit: Unit, applied: Unit[]): UnitOutcome | Error {
    let rowsMade = false
    control.savepoint.run()
    try {
      const results = unit.commands.map((command): Accepted => applyCommand(books, command))
      rowsMade = unit.rows !== undefined
      for (const row of unit.rows?.(results) ?? []) writes.run(row)
      control.release.run()
      applied.push(unit)
      return { accepted: true, results }
    } catch (error) {
      if (rowsMade) unit.onRolledBack?.()
      if (!money.inTransaction || isStorageError(error)) throw error
      control.undo.run()
      control.release.run()
      books.addressIds.clear()
      if (error instanceof Refused) return { accepted: false, refusal: error.refusal }
      return error as Error
    }
  }
}

function prepareControl(money: SqliteConnection) {
  return {
    begin: money.prepare('begin immediate'),
    commit: money.prepare('commit'),
    rollback: money.prepare('rollback'),
    savepoint: money.prepare('savepoint unit'),
    release: money.prepare('release unit'),
    undo: money.prepare('rollback to unit'),
  }
}

function createRowWriter(money: SqliteConnection): { run(row: RowWrite): void } {
  const prepared = new Map<string, ReturnType<SqliteConnection['prepare']>>()
  return {
    run({ write, values }) {
      let statement = prepared.get(write.sql)
      if (!statement) {
        statement = money.prepare(write.sql)
        prepared.set(write.sql, statement)
      }
      const { changes } = statement.run(values as SqlValue[])
      if (write.refusal !== undefined && changes === 0) {
        throw new Refused({ reason: 'row', name: write.refusal })
      }
    },
  }
}

function isStorageError(error: unknown): boolean {
  const code = (error as { code?: string } | null)?.code ?? ''
  return /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOMEM)/.test(code)
}

function storageProblem(error: unknown): unknown {
  if (!isStorageError(error)) return error
  return new Problem('storage_full', 'The gateway cannot write to its storage.', {
    retryAfterMs: 30_000,
    cause: error,
  })
}
