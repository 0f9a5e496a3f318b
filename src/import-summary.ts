/** What a run of `souk import` did, in lines for a person. */

type Say = (line: string) => void

const OPERATIONS = ['created', 'changed', 'restored', 'unchanged', 'retired', 'refused'] as const
/** Reasons that the summary shows, and characters of each. */
const MAX_REASONS = 20
const MAX_REASON_CHARS = 100
/** Refused documents that are named, and refused operations; the summary counts all. */
const MAX_NAMED = 50

const WHY_DRAFT =
  'With --publish they are put on sale, once they have the credential that they need.'

export type Counts = Record<(typeof OPERATIONS)[number], number>
export type Answer = {
  id?: string
  slug: string
  status?: string
  counts: Counts
  refused: { at: string; message: string }[]
}

export type Summary = {
  add(source: string, answer: Answer): void
  /** A document of which nothing was imported. */
  fail(source: string, message: string): void
  readonly documents: number
  readonly operations: number
  readonly failures: number
  say(say: Say, tookMs: number, isDryRun: boolean): void
}

export function createSummary(): Summary {
  const counts = Object.fromEntries(OPERATIONS.map((name) => [name, 0])) as Counts
  const reasons = new Map<string, number>()
  const failed: string[] = []
  const refused: string[] = []
  let imported = 0
  let failures = 0
  let drafts = 0
  let last: string | undefined
  const name = (into: string[], line: string) => {
    if (into.length < MAX_NAMED) into.push(line)
  }
  const found = () =>
    OPERATIONS.reduce((sum, name) => sum + (name === 'retired' ? 0 : counts[name]), 0)

  return {
    add(source, { id, slug, status, ...answer }) {
      imported++
      last = status === undefined ? undefined : `Listing ${slug} (${id}): ${status}.`
      if (status === 'draft') drafts++
      for (const name of OPERATIONS) counts[name] += answer.counts[name]
      for (const { at, message } of answer.refused) {
        reasons.set(reasonOf(message), (reasons.get(reasonOf(message)) ?? 0) + 1)
        name(refused, `${source} ${at}: ${message}`)
      }
    },
    fail(source, message) {
      failures++
      name(failed, `${source}: ${message}`)
    },
    get documents() {
      return imported + failures
    },
    get operations() {
      return found()
    },
    get failures() {
      return failures
    },
    say(say, tookMs, isDryRun) {
      const seconds = tookMs / 1_000
      const rate = Math.round(found() / Math.max(seconds, 0.001))
      const done = isDryRun ? 'would be imported' : 'imported'
      for (const line of [...failed, ...refused]) say(`refused  ${line}`)
      say(
        `Documents: ${imported + failures}, of which ${imported} ${done} and ${failures} refused.`,
      )
      say(
        `Operations: ${found()}; ${OPERATIONS.map((name) => `${name} ${counts[name]}`).join(', ')}.`,
      )
      for (const [reason, count] of mostFrequent(reasons))
        say(`  refused ${count} times: ${reason}`)
      if (imported === 1 && last !== undefined) say(last)
      if (drafts > 0) say(`Drafts, not on sale: ${drafts}. ${WHY_DRAFT}`)
      say(`Took ${seconds.toFixed(1)} s, ${rate} operations a second.`)
    },
  }
}

/** What refusals of one kind have in common: without the names and numbers in them. */
function reasonOf(message: string): string {
  const general = message.replace(/"[^"]*"/g, '"…"').replace(/\d+/g, 'N')
  return general.length <= MAX_REASON_CHARS ? general : `${general.slice(0, MAX_REASON_CHARS)}…`
}

function mostFrequent(reasons: ReadonlyMap<string, number>): [string, number][] {
  return [...reasons].sort(([, a], [, b]) => b - a).slice(0, MAX_REASONS)
}
