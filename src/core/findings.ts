/** What a check of stored data found wrong, in bounded memory however much is wrong. */

/** `what` is wrong, and its `remedy`: two clauses without a full stop. */
export type Finding = { what: string; remedy: string }

/** The first findings, and how many there were in all. */
export type Findings = { first: readonly Finding[]; count: number }

/** What came of a check; `checked` says in a few words what was looked at. */
export type Checked = Findings & { checked: string }

/** Told after every portion of a long check how many rows it has read so far. */
export type Progress = (rowsRead: number) => void

/** The most findings of one check that are worth a line each. */
const MAX_KEPT = 20

export function collectFindings(): Findings & { add(what: string, remedy: string): void } {
  const first: Finding[] = []
  const found = {
    first,
    count: 0,
    add(what: string, remedy: string) {
      found.count++
      if (first.length < MAX_KEPT) first.push({ what, remedy })
    },
  }
  return found
}
