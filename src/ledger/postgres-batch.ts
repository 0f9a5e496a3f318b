/** A batch on PostgreSQL between its two round trips: what is accepted, and what is recorded of it. */
import type { Pipeline, RowWrite } from '#store'
import type { WrittenOutcome } from './batch.js'
import { applyCommand, Refused } from './entries.js'
import type { Recorder, Unit } from './ledger.js'
import type { PostgresBooks } from './postgres-books.js'
import type { Writable } from './postgres-facts.js'

/** What the recorder made of a unit's entry, if it has one. */
type Made = ReturnType<Recorder['record']> | Error | undefined

/** What becomes of each unit, in order, as if it were alone. */
export function decide(
  books: PostgresBooks,
  writable: Writable,
  units: readonly Unit[],
  early: readonly Made[],
): WrittenOutcome[] {
  const claimed = new Set<string>()
  return units.map(({ commands, rows = [] }, i) => {
    try {
      const results = commands.map((command) => applyCommand(books, command))
      const keys = rows.flatMap((row) => keyOf(row, writable, claimed))
      const made = early[i]
      if (made instanceof Error) throw made
      books.keep()
      for (const key of keys) claimed.add(key)
      return { accepted: true, results }
    } catch (error) {
      books.undo()
      if (error instanceof Refused) return { accepted: false, refusal: error.refusal }
      return { failed: (error as Error).message }
    }
  })
}

/**
 * The key that the row claims, if it claims one.
 *
 * @throws Refused when it cannot be written, or a row before it in the batch has its key.
 */
function keyOf(row: RowWrite, writable: Writable, claimed: ReadonlySet<string>): string[] {
  const { write, values } = row
  if (!write.claim) return []
  const key = `${write.one}\n${write.claim.key.map((i) => String(values[i])).join('\n')}`
  if (writable.has(row) && !claimed.has(key)) return [key]
  throw new Refused({ reason: 'row', name: write.claim.refusal })
}

/** What the recorder makes of each entry, as if all units were accepted. */
export async function recordAll(
  pipeline: Pipeline,
  recorder: Recorder | undefined,
  units: readonly Unit[],
): Promise<Made[]> {
  const entries = units.flatMap(({ entry }) => (entry === undefined ? [] : [entry]))
  if (entries.length === 0) return []
  await recorder?.prepare?.(entries, pipeline.run)
  return units.map(({ entry }) => {
    if (entry === undefined) return undefined
    if (!recorder) return new Error('this ledger has no recorder')
    try {
      return recorder.record(entry)
    } catch (error) {
      return error as Error
    }
  })
}

/** What the recorder makes of the entries whose units were accepted, which are nearly always all. */
export async function recordAgain(
  pipeline: Pipeline,
  recorder: Recorder | undefined,
  units: readonly Unit[],
  early: readonly Made[],
  outcomes: readonly WrittenOutcome[],
): Promise<readonly Made[]> {
  const stands = units.every(({ entry }, i) => entry === undefined || isAccepted(outcomes[i]!))
  if (stands) return early
  recorder?.forget()
  const accepted = units.map((unit, i) => (isAccepted(outcomes[i]!) ? unit : { commands: [] }))
  const made = await recordAll(pipeline, recorder, accepted)
  const failed = made.find((one) => one instanceof Error)
  if (failed) throw failed
  return made
}

function isAccepted(outcome: WrittenOutcome): boolean {
  return 'accepted' in outcome && outcome.accepted
}

export function withRecorded(outcomes: readonly WrittenOutcome[], made: readonly Made[]) {
  return outcomes.map((outcome, i) => {
    const one = made[i]
    return one && !(one instanceof Error) ? { ...outcome, recorded: one.recorded } : outcome
  })
}

/** All rows to be written: those of accepted units, and what was made of their entries. */
export function rowsOf(
  units: readonly Unit[],
  outcomes: readonly WrittenOutcome[],
  made: readonly Made[],
): RowWrite[] {
  return units.flatMap(({ rows = [] }, i) => {
    if (!isAccepted(outcomes[i]!)) return []
    const one = made[i]
    return one && !(one instanceof Error) ? [...rows, ...one.rows] : [...rows]
  })
}
