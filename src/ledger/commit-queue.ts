/** The way to the writer: units that arrive together, in order, each with its own outcome. */
import { refusalIn } from '#core/storage-problem'
import { type GroupCommit, groupCommit, type Turnstile } from '#store'
import type { WrittenOutcome } from './batch.js'
import type { Ledger, Unit, UnitOutcome } from './ledger.js'
import type { Writer } from './writer.js'

export function commitQueue(
  writer: Writer,
  turnstile: Turnstile,
): GroupCommit<Unit, UnitOutcome> & Pick<Ledger, 'takesWrites' | 'close'> {
  let wasWritten = true
  const queue = groupCommit<Unit, UnitOutcome>({ turnstile, flush })
  return {
    ...queue,
    takesWrites: () => wasWritten,
    close: async () => {
      await queue.settled()
      await writer.close()
    },
  }

  /**
   * @throws Problem `storage_full` when the disk takes no more, `busy` when the database does not
   *   answer: unless the answer to the commit was lost for good, nothing of the units is kept then.
   */
  async function flush(units: readonly Unit[]): Promise<(UnitOutcome | Error)[]> {
    try {
      const outcomes = (await writer.write(units)).map(orError)
      wasWritten = !outcomes.some((outcome) => outcome instanceof Error)
      return outcomes
    } catch (error) {
      wasWritten = false
      throw refusalIn(error) ?? error
    }
  }
}

function orError(outcome: WrittenOutcome): UnitOutcome | Error {
  if (!('failed' in outcome)) return outcome
  const error = Object.assign(new Error(outcome.failed), { code: outcome.code })
  return refusalIn(error) ?? error
}
