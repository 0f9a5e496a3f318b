/** Variety: a page shows different things rather than the same thing again and again. */
import type { Documents } from './documents.js'

export type Ranked = { document: number; clause: number; score: number }

/** What each result before it that answers the same clause takes from a result. */
const SAME_CLAUSE = 0.5
/** What each result before it of the same listing takes, where the request is one clause. */
const SAME_LISTING = 0.3
/** What each result before it that is just like it takes: about all that a match is worth. */
const ALIKE = 5
/** Results that are put in a new order; those behind them keep theirs. */
const WINDOW = 40

/** `ranked` with the first ones in an order of more variety. */
export function varied(
  ranked: readonly Ranked[],
  documents: Pick<Documents, 'likenessOf' | 'listingOf'>,
): Ranked[] {
  const hasClauses = ranked.some(({ clause }) => clause !== 0)
  const waiting = ranked.slice(0, WINDOW).map((result) => ({
    result,
    worth: result.score,
    likeness: documents.likenessOf(result.document),
    group: hasClauses ? result.clause : documents.listingOf(result.document),
  }))
  const again = hasClauses ? SAME_CLAUSE : SAME_LISTING
  const chosen: Ranked[] = []
  while (waiting.length > 0) {
    const worths = waiting.map(({ worth }) => worth)
    const next = waiting.splice(worths.indexOf(Math.max(...worths)), 1)[0]!
    chosen.push(next.result)
    for (const other of waiting) {
      if (other.group === next.group) other.worth -= again
      if (other.likeness === next.likeness) other.worth -= ALIKE
    }
  }
  return [...chosen, ...ranked.slice(WINDOW)]
}
