/** The last checks before an imported endpoint is stored; what does not pass them is left out. */
import { Problem } from '#core/problem'
import { proveSchemas } from '#schemas'
import { checkTarget } from '#upstreams'
import { type ImportEntry, operationPlace, type Portion } from './import-entry.js'
import type { Tally } from './import-tally.js'
import type { HttpDefinition } from './listing.js'
import { type CredentialSlot, isSameSlot } from './listings.js'
import { httpTargetOf } from './target.js'

export type Sellable = Pick<ImportEntry, 'slug' | 'text' | 'reading'>

type Rules = {
  /** The credential that the listing sends, and the one that the document was converted for. */
  sent: CredentialSlot
  drafted: CredentialSlot
  tally: Tally
  isStrict: boolean
}

/**
 * The entries that can be sold. Where `isStrict`, all are looked at before the first is given.
 *
 * @throws Problem `invalid_request` naming what is refused, where `isStrict`.
 */
export async function* sellableEntries(
  portions: AsyncIterable<Portion>,
  rules: Rules,
): AsyncGenerator<readonly Sellable[]> {
  const kept: Sellable[][] = []
  for await (const { entries, refused } of portions) {
    for (const note of refused) rules.tally.refuse(note)
    const sellable = await withoutUnsellable(entries, rules)
    if (sellable.length === 0) continue
    if (rules.isStrict) kept.push(sellable)
    else yield sellable
  }
  if (rules.isStrict && rules.tally.refusals > 0) throw refusal(rules.tally)
  yield* kept
}

function refusal(tally: Tally): Problem {
  const { refused } = tally.show()
  const { at, message } = refused[0]!
  const others = tally.refusals === 1 ? '' : `, and ${tally.refusals - 1} more are refused`
  const paths = refused.slice(0, 20).map((note) => ({ path: note.at, message: note.message }))
  return new Problem(
    'invalid_request',
    `${at} of the document cannot be sold: ${message}${others}.`,
    {
      action: 'Correct the document, or import it without strict: the other operations are taken.',
      facts: { paths },
    },
  )
}

async function withoutUnsellable(
  entries: readonly ImportEntry[],
  rules: Rules,
): Promise<Sellable[]> {
  const isOtherSlot = !isSameSlot(rules.sent, rules.drafted)
  const unproved = entries.filter((entry) => entry.unproved !== undefined)
  const unsellable = new Set<ImportEntry>()
  const tryOn = async (entry: ImportEntry, check: () => void | Promise<void>) => {
    try {
      await check()
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      unsellable.add(entry)
      rules.tally.refuse({ at: placeOf(entry), message: error.message })
    }
  }
  if (!(await areProved(unproved))) {
    for (const entry of unproved) await tryOn(entry, () => prove([entry]))
  }
  if (isOtherSlot) {
    for (const entry of entries) {
      await tryOn(entry, () => checkTarget(httpTargetOf(JSON.parse(entry.text)), rules.sent))
    }
  }
  return entries.filter((entry) => !unsellable.has(entry))
}

/** Together, which is much faster; who fails shows one by one. */
function areProved(entries: readonly ImportEntry[]): Promise<boolean> {
  return prove(entries).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Problem) return false
      throw error
    },
  )
}

function prove(entries: readonly ImportEntry[]): Promise<void> {
  return proveSchemas(
    entries.map(({ slug, unproved }) => ({ where: slug, schema: unproved ?? {} })),
  )
}

function placeOf({ text }: ImportEntry): string {
  const { method, path } = JSON.parse(text) as HttpDefinition
  return operationPlace(method, path)
}
