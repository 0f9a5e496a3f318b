/**
 * Writes batches of units on PostgreSQL, from this gateway's seat. A batch is one transaction of two
 * round trips: what it may change is read and locked, decided in memory as one by one, and written
 * together with the commit.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { isUnavailable } from '#core/storage-problem'
import {
  chainOf,
  isRefusal,
  KEEP_SEAT,
  leaveSeat,
  type Pipeline,
  type Seat,
  takeSeat,
  wasCommitted,
} from '#store'
import type { WrittenOutcome } from './batch.js'
import type { Recorder, Unit } from './ledger.js'
import { decide, recordAgain, recordAll, rowsOf, withRecorded } from './postgres-batch.js'
import { postgresBooks } from './postgres-books.js'
import { writeChanges } from './postgres-changes.js'
import { readFacts } from './postgres-facts.js'

/** How long a batch waits for a server that restarts. */
const PATIENCE_MS = 10_000
const PAUSE_MS = 50
/** What bodies a transaction may carry, in bytes: with more it could take longer than an answer may. */
const MAX_BYTES = 8 * 1024 * 1024
/** Tries of a batch that another gateway got in the way of, before its units are written apart. */
const TRIES = 3
/** Each statement sees what was committed before it, whatever the server's default. */
const BEGIN = 'begin isolation level read committed'
/** Ids of accounts kept in memory, some 150 bytes each. */
const MAX_ACCOUNT_IDS = 200_000

type Options = {
  connect(): Promise<Pipeline>
  /** For units with an `entry`: the recorder of one seat's chains. */
  recorderOf?(chainId: string): Recorder
}

/** What a seat needs: its connection may be lost and found again. */
type Seated = {
  seat: Seat
  recorder: Recorder | undefined
  /** The number of the last transaction. */
  mark: bigint
  /** The batch whose commit was sent and not answered. */
  inDoubt: Attempt | undefined
}
type Attempt = { units: readonly Unit[]; mark: bigint; outcomes: WrittenOutcome[] }

/** `write` rejects when the storage failed, or when it is unknown what became of the units. */
export function postgresBatchWriter(options: Options) {
  const session = createSession(options)

  return { write, close: session.close }

  /** Large rows are spread over several transactions, and what befalls one leaves the others. */
  async function write(units: readonly Unit[]): Promise<WrittenOutcome[]> {
    const [first = [], ...rest] = portionsOf(units)
    const outcomes = await persist(first)
    for (const portion of rest)
      outcomes.push(...(await persist(portion).catch(failedEach(portion))))
    return outcomes
  }

  async function persist(units: readonly Unit[]): Promise<WrittenOutcome[]> {
    let giveUpAt: number | undefined
    for (let tries = 1; ; ) {
      try {
        return (await session.resolveDoubt(units)) ?? (await session.flush(units))
      } catch (error) {
        if (error instanceof OutcomeUnknown) throw error
        if (isUnavailable(error)) {
          await session.disconnect()
          // Counted from here: a gateway that was stopped itself has not waited for the server yet.
          giveUpAt ??= performance.now() + PATIENCE_MS
          if (performance.now() > giveUpAt) throw error
          await wait(PAUSE_MS)
        } else if (error instanceof SeatLost) {
          session.standUp()
        } else if (isInTheWay(error) && tries < TRIES) {
          tries++
        } else if (isInTheWay(error) || isAboutData(error)) {
          return units.length > 1 ? apart(units) : failedEach(units)(error)
        } else {
          await session.disconnect()
          throw error
        }
      }
    }
  }

  /** Each in a transaction of its own: one that cannot be written takes only itself down. */
  async function apart(units: readonly Unit[]): Promise<WrittenOutcome[]> {
    const outcomes: WrittenOutcome[] = []
    for (const unit of units) outcomes.push(...(await persist([unit]).catch(failedEach([unit]))))
    return outcomes
  }
}

/** A connection, the seat that is written from, and what is not known of its last transaction. */
function createSession(options: Options) {
  const accountIds = new Map<string, bigint>()
  let pipeline: Pipeline | undefined
  let seated: Seated | undefined

  return { flush, resolveDoubt, disconnect, standUp, close }

  async function flush(units: readonly Unit[]): Promise<WrittenOutcome[]> {
    if (accountIds.size > MAX_ACCOUNT_IDS) accountIds.clear()
    const database = await connected()
    seated ??= await sitDown(database)
    const own = seated
    try {
      return await transact(database, own, units, accountIds)
    } catch (error) {
      // What the server refused was not committed; all else may leave that open.
      if (!own.inDoubt || isRefusal(error)) {
        own.inDoubt = undefined
        await database.run('rollback').catch(() => {})
      }
      if (!own.inDoubt) own.recorder?.forget()
      throw error
    }
  }

  /**
   * A commit whose answer was lost is never sent again blindly: the database is asked. `undefined`
   * when the units are still to be written, as when the doubt is about a batch that was given up.
   */
  async function resolveDoubt(units: readonly Unit[]): Promise<WrittenOutcome[] | undefined> {
    if (!seated?.inDoubt) return undefined
    const { seat, recorder, inDoubt } = seated
    const committed = await wasCommitted(await connected(), seat, inDoubt.mark)
    seated.inDoubt = undefined
    if (!committed) recorder?.forget()
    if (inDoubt.units !== units) return undefined
    if (committed === undefined)
      throw new OutcomeUnknown('It is unknown whether the batch was written.')
    return committed ? inDoubt.outcomes : undefined
  }

  async function connected(): Promise<Pipeline> {
    pipeline ??= await options.connect()
    return pipeline
  }

  async function disconnect(): Promise<void> {
    const broken = pipeline
    pipeline = undefined
    await broken?.close().catch(() => {})
  }

  async function sitDown(database: Pipeline): Promise<Seated> {
    const seat = await takeSeat(database)
    const recorder = options.recorderOf?.(chainOf(seat))
    return { seat, recorder, mark: 0n, inDoubt: undefined }
  }

  /** The next batch is written from another seat. */
  function standUp(): void {
    seated = undefined
  }

  async function close(): Promise<void> {
    if (pipeline && seated) await leaveSeat(pipeline, seated.seat).catch(() => {})
    await disconnect()
  }
}

/** Writes a batch, or rejects with nothing written, unless `seated.inDoubt` says otherwise. */
async function transact(
  database: Pipeline,
  seated: Seated,
  units: readonly Unit[],
  accountIds: Map<string, bigint>,
): Promise<WrittenOutcome[]> {
  const { seat, recorder } = seated
  const mark = ++seated.mark
  // Signing takes longer than all else: it is done before anybody has to wait for a lock.
  const early = await recordAll(database, recorder, units)
  const [, kept, { facts, writable }] = await Promise.all([
    database.run(BEGIN),
    database.run<{ now: bigint }>(KEEP_SEAT, [seat.name, seat.epoch, mark]),
    readFacts(database, units, accountIds),
  ])
  if (!kept[0]) throw new SeatLost()
  const books = postgresBooks(facts)
  const decided = decide(books, writable, units, early)
  const made = await recordAgain(database, recorder, units, early, decided)
  const outcomes = withRecorded(decided, made)
  const rows = rowsOf(units, decided, made)
  seated.inDoubt = { units, mark, outcomes }
  await writeChanges(database, books.changes, rows, { nowMs: kept[0].now, accountIds })
  seated.inDoubt = undefined
  return outcomes
}

/** Its code is that of SQL for it; who asked must look for themselves. */
class OutcomeUnknown extends Error {
  readonly code = '08007'
}

/** Another gateway has the seat: this one slept past the end of its lease. */
class SeatLost extends Error {}

/** Another gateway wrote what this one was about to, or the two waited for one another. */
function isInTheWay(error: unknown): boolean {
  return /^(SK001|40001|40P01)$/.test(codeOf(error))
}

/** A row that the database does not take: of a wrong form, out of range, there already. */
function isAboutData(error: unknown): boolean {
  return /^(22|23)/.test(codeOf(error))
}

/** An outcome for each of the units that could not be written. */
function failedEach(units: readonly Unit[]) {
  return (error: unknown): WrittenOutcome[] => {
    const { message, code } = error as Error & { code?: string }
    return units.map(() => ({ failed: message, code }))
  }
}

function portionsOf(units: readonly Unit[]): Unit[][] {
  const portions: Unit[][] = []
  let bytes = 0
  for (const unit of units) {
    const more = bytesOf(unit)
    if (portions.length === 0 || bytes + more > MAX_BYTES) {
      portions.push([])
      bytes = 0
    }
    portions.at(-1)!.push(unit)
    bytes += more
  }
  return portions
}

function bytesOf({ rows = [] }: Unit): number {
  let bytes = 0
  for (const { values } of rows)
    for (const value of values) if (value instanceof Uint8Array) bytes += value.length
  return bytes
}

function codeOf(error: unknown): string {
  return (error as { code?: string } | null)?.code ?? ''
}
