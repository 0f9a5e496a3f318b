/**
 * Whose money. The ledger knows addresses and amounts; no listing, no price, no chain.
 *
 * Its door takes units of work: commands, and the rows of other features that stand or fall with
 * them. Units that arrive together share one durable transaction; each gets its own outcome, the
 * same that it would get alone and in order.
 */
import type { Nanos } from '#core/money'
import type { Pipeline, RowWrite } from '#store'
import type { Audit } from './audit.js'
import type { LedgerAddress } from './chart.js'
import type { Book } from './statement.js'

export { type Audit, createAuditor, recomputeByQuery, recomputeInWorker } from './audit.js'
export { sqliteBatchWriter } from './batch.js'
export { available, earned, FEES, held } from './chart.js'
export { postgresLedger } from './postgres-ledger.js'
export { postgresBatchWriter } from './postgres-writer.js'
export {
  BEFORE_ALL_POSTINGS,
  entryReader,
  type StoredHold,
  type StoredPosting,
  waitingCredits,
} from './read-entries.js'
export { type BatchWriter, serveWriter } from './serve-writer.js'
export { sqliteLedger } from './sqlite-ledger.js'
export {
  type Balances,
  BOOKS,
  type Book,
  markAt,
  readStatement,
  type StatementLine,
  type StatementMark,
} from './statement.js'
export {
  inlineWriter,
  nearestWriter,
  type OnFlush,
  serialWriter,
  threadWriter,
  type Writer,
} from './writer.js'

/** How a counter is settled when its hold is. */
export type CounterKind =
  /** An amount of money: a capture gives back what was not charged, a release all of it. */
  | 'spend'
  /** A use: kept by a capture, given back by a release. */
  | 'use'
  /** An attempt: kept, whatever becomes of the hold. */
  | 'attempt'
  /** Something open: given back by capture and release alike. */
  | 'open'

/** A ceiling that a hold must not push past, counted in the transaction of the hold. */
export type Counter = {
  /** Who or what is counted, `key:key_…`, `listing:lst_…`. */
  scope: string
  /** The span that is counted, `day:2026-01-15`, `lifetime`. */
  window: string
  kind: CounterKind
  amount: bigint
  ceiling: bigint
  /** When the window ends, in ms, so that old counters can be purged; `null` for never. */
  endsAtMs: number | null
}

/** A positive amount that moves from one address to another. */
export type Posting = { from: LedgerAddress; to: LedgerAddress; amount: Nanos }

export type Command =
  /** Sandbox credit from the operator. */
  | { kind: 'grant'; reference: string; account: string; amount: Nanos; memo: string; atMs: number }
  /** Sets the most that a call can cost aside: available → held. */
  | {
      kind: 'hold'
      reference: string
      account: string
      amount: Nanos
      deadlineMs: number
      counters: readonly Counter[]
      atMs: number
    }
  /** Takes what the call did cost; the rest goes back to available. */
  | { kind: 'capture'; reference: string; seller: string; charge: Nanos; fee: Nanos; atMs: number }
  /** Gives the whole hold back. */
  | { kind: 'release'; reference: string; atMs: number }
  /** Moves what an account can spend, or what it has earned, to what `to` can spend. */
  | {
      kind: 'transfer'
      reference: string
      source: Book
      from: string
      to: string
      amount: Nanos
      atMs: number
    }

/** What an accepted command left behind: the spendable amount of the buyer, or of who was paid. */
export type Accepted = { available: Nanos }

export type Refusal =
  | { reason: 'insufficient'; available: Nanos; needed: Nanos }
  | { reason: 'counter'; counter: Counter; used: bigint }
  /** The hold was captured or released already; `unknown` where that moved no money. */
  | { reason: 'not-held'; state: 'captured' | 'released' | 'unknown' }
  /** A command with this kind and reference was applied before. */
  | { reason: 'repeated' }
  /** A row write changed nothing; `name` is its refusal. */
  | { reason: 'row'; name: string }

export type Unit = {
  commands: readonly Command[]
  /** Rows of other features that stand or fall with the commands. */
  rows?: readonly RowWrite[]
  /** What the recorder makes further rows of, once commands and rows are accepted: plain data. */
  entry?: unknown
}

export type UnitOutcome =
  /** `recorded` is what the recorder answered to the unit's `entry`. */
  | { accepted: true; results: readonly Accepted[]; recorded?: unknown }
  | { accepted: false; refusal: Refusal }

/**
 * Makes the rows that only the order of writing decides, such as the next link of a chain. It runs
 * where batches are written, inside their transaction, and must not wait.
 */
export type Recorder = {
  /** Where looking something up takes a while: reads beforehand what `record` will look up. */
  prepare?(entries: readonly unknown[], read: Pipeline['run']): Promise<void>
  record(entry: unknown): { rows: readonly RowWrite[]; recorded: unknown }
  /** What it knows may not be what is stored: something was undone, or another one wrote. */
  forget(): void
}

export type OpenHold = { reference: string; account: string; deadlineMs: number }

export type Ledger = {
  /**
   * Applies a unit durably, or refuses it whole.
   *
   * @throws Problem `storage_full` when the disk takes no more; nothing of the unit is kept.
   */
  commit(unit: Unit): Promise<UnitOutcome>
  /** A buyer's money, nano-USDC. */
  balanceOf(account: string): Promise<{ available: Nanos; held: Nanos }>
  /** A seller's money, nano-USDC. */
  earningsOf(account: string): Promise<{ earned: Nanos; leaving: Nanos }>
  /** What was counted in these windows so far, in the order asked. */
  usedOf(windows: readonly { scope: string; window: string }[]): Promise<bigint[]>
  /** Open holds past `deadlineBeforeMs`, oldest first. */
  openHolds(deadlineBeforeMs: number, limit: number): Promise<OpenHold[]>
  openHoldCount(): Promise<number>
  /** Recomputes every balance from the postings, off the event loop; callers share a running one. */
  audit(): Promise<Audit>
  /** To be called every few seconds: what the ledger puts off, it does here. */
  tend(): Promise<void>
  /** The time by which deadlines are judged, in ms: the database's where gateways share one. */
  now(): Promise<number>
  /** Units that are not answered yet, for backpressure and metrics. */
  waiting(): number
  /** `false` from a batch that could not be written until one that was. */
  takesWrites(): boolean
  /** Writes what waits, then ends. */
  close(): Promise<void>
}
