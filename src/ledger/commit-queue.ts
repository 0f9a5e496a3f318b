/** The way to the writer: units that arrive together, in order, each with its own outcome. */
import { refusalIn } from '#core/storage-problem'
import { type GroupCommit, groupCommit, type Turnstile } from '#store'
import type { WrittenOutcome } from './batch.js'
import type { Unit, UnitOutcome } from './ledger.js'
import type { Writer } from './writer.js'

export function commitQueue(
  writer: Writer,
  turnstile: Turnstile,
): GroupCommit<Unit, UnitOutcome> & { close(): Promise<void> } {
  const queue = groupCommit<Unit, UnitOutcome>({
    turnstile,
    flush: async (units) => (await write(writer, units)).map(orError),
  })
  return {
    ...queue,
    close: async () => {
      await queue.settled()
      await writer.close()
    },
  }
}

/**
 * @throws Problem `storage_full` when the disk takes no more, `busy` when the database does not
 *   answer: unless the answer to the commit was lost for good, nothing of the units is kept then.
 */
async function write(writer: Writer, units: readonly Unit[]): Promise<WrittenOutcome[]> {
  try {
    return await writer.write(units)
  } catch (error) {
    throw refusalIn(error) ?? error
  }
}

function orError(outcome: WrittenOutcome): UnitOutcome | Error {
  if (!('failed' in outcome)) return outcome
  const error = Object.assign(new Error(outcome.failed), { code: outcome.code })
  return refusalIn(error) ?? error
}
