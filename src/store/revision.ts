/**
 * Revisions: what lets the gateways on one database follow one another. Every writing takes the next
 * one of its count and, where it matters which rows changed, leaves it on them, in one transaction.
 *
 * The count is one row of the settings, and a transaction takes its revision before anything else.
 * So the row's lock makes the writers of one count wait for each other, and revisions become visible
 * in their order: who has seen one has seen, or can see, everything below it.
 */
import { type Db, int, readSetting, type Tx } from './store.js'

/**
 * The next revision; until the transaction ends, nobody else gets one. Call it first.
 *
 * @param many takes as many, and gives the last of them.
 */
export async function nextRevision(tx: Tx, count: string, many = 1): Promise<number> {
  const [row] = await tx('settings')
    .insert({ name: count, value: String(many) })
    .onConflict('name')
    .merge({ value: tx.raw('cast(cast(settings.value as bigint) + ? as text)', [many]) })
    .returning('value')
  return int(row.value)
}

/** The last revision that was committed, 0 before the first. */
export async function currentRevision(db: Db, count: string): Promise<number> {
  return int((await readSetting(db, count)) ?? 0)
}
