/** How many imports are on at once: what they hold in memory is bounded by that. */
import { Problem } from '#core/problem'

/** One is converted, one is stored, one waits. */
const MAX_IMPORTS = 3
/** Lets a seller's next document be converted while the last one is stored. */
const MAX_OF_ONE = 2
const RETRY_AFTER_MS = 1_000

/**
 * @returns `takeSeat`, to be called before anything large is read; what it gives back frees the seat.
 *   It throws Problem `busy` where all seats are taken.
 */
export function createImportSeats(): (accountId: string) => () => void {
  const taken: string[] = []
  return (accountId) => {
    const isOwn = taken.filter((id) => id === accountId).length >= MAX_OF_ONE
    if (isOwn || taken.length >= MAX_IMPORTS) throw busy(isOwn)
    taken.push(accountId)
    let isTaken = true
    return () => {
      if (isTaken) taken.splice(taken.indexOf(accountId), 1)
      isTaken = false
    }
  }
}

function busy(isOwn: boolean): Problem {
  const whose = isOwn ? 'This account imports' : 'The gateway imports'
  return new Problem('busy', `${whose} as many documents as it can.`, {
    retryAfterMs: RETRY_AFTER_MS,
    ...(!isOwn && { status: 503 }),
  })
}
