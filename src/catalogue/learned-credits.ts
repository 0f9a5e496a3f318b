/**
 * What purchases said, on its way into the database: collected in memory and written every few
 * seconds, so that a paid call never waits for it. A crash loses those seconds.
 */
import type { Nanos } from '#core/money'
import { nextRevision, type Store, type Tx } from '#store'
import { CREDIT, epochOf } from './lesson-formula.js'
import { LEARNED } from './revision.js'

/** More than this is not collected while the database does not answer. */
const MAX_PENDING = 50_000
/** Rows of one transaction, so that calls get their turn in between. */
const PORTION = 100
/** Credits that are known to be stored, to write nothing when a buyer comes back. */
const MAX_STORED = 50_000

/** One buyer's latest experience with an endpoint after a word. */
type CreditRow = {
  word: string
  endpoint_id: string
  buyer_id: string
  seller_id: string
  epoch: number
  percent: number
}
type SpendRow = { buyer_id: string; seller_id: string; paid: bigint; fees: bigint; epoch: number }
type Mark = { endpointId: string; buyerId: string; score: number }
/** What the seller got, and what the gateway got. */
export type Paid = { paid: Nanos; fee: Nanos }

export function createLearnedCredits({ store }: { store: Store }) {
  const credits = new Map<string, CreditRow>()
  const spends = new Map<string, SpendRow>()
  const marks = new Map<string, Mark>()
  const stored = new Map<string, string>()

  return {
    credit(credit: Omit<CreditRow, 'epoch'>, atMs: number): void {
      const key = `${credit.word} ${credit.endpoint_id} ${credit.buyer_id}`
      const row = { ...credit, epoch: epochOf(atMs) }
      if (stored.get(key) === stampOf(row)) return
      collect(credits, key, row, (before) => ({
        ...row,
        percent: latest(before.percent, row.percent),
      }))
    },
    spent(buyerId: string, sellerId: string, { paid, fee }: Paid, atMs: number): void {
      const who = { buyer_id: buyerId, seller_id: sellerId }
      const row = { ...who, paid, fees: fee, epoch: epochOf(atMs) }
      collect(spends, `${buyerId} ${sellerId}`, row, (before) => together(before, row))
    },
    marked(mark: Mark): void {
      collect(marks, `${mark.endpointId} ${mark.buyerId}`, mark, () => mark)
      // What it turns is to be written anew when the buyer comes back.
      stored.clear()
    },
    /** Writes what was collected; what cannot be written is kept for the next time. */
    async flush(nowMs: number): Promise<void> {
      while (credits.size + spends.size + marks.size > 0) await writePortion(nowMs)
    },
  }

  async function writePortion(nowMs: number): Promise<void> {
    const taken = { credits: take(credits), spends: take(spends), marks: new Map<string, Mark>() }
    // A mark turns what its buyer's purchases said, so they are written first.
    if (credits.size === 0) taken.marks = take(marks)
    try {
      await store.inTransaction((tx) => write(tx, taken, nowMs))
    } catch (error) {
      for (const [key, row] of taken.credits) if (!credits.has(key)) credits.set(key, row)
      for (const [key, row] of taken.spends) spends.set(key, together(row, spends.get(key)))
      for (const [key, mark] of taken.marks) if (!marks.has(key)) marks.set(key, mark)
      throw error
    }
    if (stored.size > MAX_STORED) stored.clear()
    for (const [key, row] of taken.credits) stored.set(key, stampOf(row))
  }
}

function collect<T>(pending: Map<string, T>, key: string, row: T, merge: (before: T) => T): void {
  const before = pending.get(key)
  if (before === undefined && pending.size >= MAX_PENDING) return
  pending.set(key, before === undefined ? row : merge(before))
}

function take<T>(pending: Map<string, T>): Map<string, T> {
  const taken = new Map([...pending].slice(0, PORTION))
  for (const key of taken.keys()) pending.delete(key)
  return taken
}

function stampOf({ epoch, percent }: CreditRow): string {
  return `${epoch} ${percent}`
}

/** Of two good experiences the better one stays; else the latest speaks. */
function latest(before: number, after: number): number {
  return after > 0 ? Math.max(before, after) : after
}

function together(earlier: SpendRow, later: SpendRow | undefined): SpendRow {
  if (!later) return earlier
  return { ...later, paid: earlier.paid + later.paid, fees: earlier.fees + later.fees }
}

type Taken = {
  credits: ReadonlyMap<string, CreditRow>
  spends: ReadonlyMap<string, SpendRow>
  marks: ReadonlyMap<string, Mark>
}

async function write(tx: Tx, { credits, spends, marks }: Taken, nowMs: number): Promise<void> {
  // One gateway at a time, or two that write the same rows in another order would block each other.
  await nextRevision(tx, LEARNED)
  await writeSpends(tx, [...spends.values()])
  await writeCredits(tx, [...credits.values()])
  const words = new Set([...credits.values()].map(({ word }) => word))
  for (const mark of marks.values()) for (const word of await applyMark(tx, mark)) words.add(word)
  if (words.size === 0) return
  await tx('learned_words')
    .insert([...words].map((word) => ({ word, due_at: nowMs })))
    .onConflict('word')
    .merge(['due_at'])
}

async function writeSpends(tx: Tx, rows: readonly SpendRow[]): Promise<void> {
  if (rows.length === 0) return
  await tx('learned_spend')
    .insert(rows)
    .onConflict(['buyer_id', 'seller_id'])
    .merge({
      paid: tx.raw('learned_spend.paid + excluded.paid'),
      fees: tx.raw('learned_spend.fees + excluded.fees'),
      epoch: tx.raw('excluded.epoch'),
    })
}

async function writeCredits(tx: Tx, rows: readonly CreditRow[]): Promise<void> {
  if (rows.length === 0) return
  await tx('learned_credits')
    .insert(rows)
    .onConflict(['word', 'endpoint_id', 'buyer_id'])
    .merge({
      epoch: tx.raw('excluded.epoch'),
      percent: tx.raw(
        `case when excluded.percent > 0 and learned_credits.percent > excluded.percent
         then learned_credits.percent else excluded.percent end`,
      ),
    })
}

/** A bad mark turns all that a buyer's purchases said of an endpoint; a better one turns it back. */
async function applyMark(tx: Tx, { endpointId, buyerId, score }: Mark): Promise<string[]> {
  const isBad = score <= 2
  const rows = await tx('learned_credits')
    .where({ endpoint_id: endpointId, buyer_id: buyerId })
    .where('percent', isBad ? '>' : '=', CREDIT.badMark)
    .update({ percent: isBad ? CREDIT.badMark : CREDIT.shown })
    .returning('word')
  return rows.map(({ word }) => word as string)
}
