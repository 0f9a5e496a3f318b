/**
 * Lessons: how strongly endpoints belong to words that buyers used before they bought them. They are
 * worked out word by word, by one gateway, and every gateway tells them to its search.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { nanos } from '#core/money'
import type { Lesson } from '#search'
import { type Db, int, nextRevision, type Store, type Tx } from '#store'
import { createTally, epochOf, KEPT_EPOCHS, strongest } from './lesson-formula.js'
import { LESSONS } from './revision.js'
import type { Place } from './standing.js'

/** Words that one round works out. */
const WORDS = 200
/** Rows that are read, written or deleted in one go. */
const PORTION = 200
/** Time alone changes lessons, and so does what buyers spend elsewhere. */
const AGAIN_MS = 24 * 60 * 60 * 1_000

/** Ends the round, by throwing, when it is no longer this gateway's to do. */
export type Fence = (tx: Tx) => Promise<void>

type CreditRow = {
  endpoint_id: string
  buyer_id: string
  epoch: number | bigint
  percent: number | bigint
  spent: bigint
}
type LessonRow = { endpoint_id: string; words: string; revision: bigint }

/** Works out the lessons of the words that are due, at most 200 of them. */
export async function workOutLessons(store: Store, fence: Fence, nowMs: number): Promise<void> {
  const due = await store
    .db('learned_words')
    .where('due_at', '<=', nowMs)
    .orderBy('due_at')
    .limit(WORDS)
    .select('word', 'due_at')
  for (const { word, due_at: dueAtMs } of due) {
    const strengths = await strengthsOf(store, word, nowMs)
    await store.inTransaction(async (tx) => {
      const revision = await nextRevision(tx, LESSONS)
      await fence(tx)
      await teach(tx, { word, strengths, revision })
      // One that became due again meanwhile stays so.
      await tx('learned_words')
        .where({ word, due_at: dueAtMs })
        .update({ due_at: nowMs + AGAIN_MS })
    })
    await turn()
  }
}

/** Lessons in the order in which they were written, the next few after `place`. */
export async function lessonsAfter(
  store: Store,
  place: Place,
): Promise<{ changed: Lesson[]; place: Place }> {
  const rows = await store.query<LessonRow>(
    `select * from endpoint_lessons where (revision, endpoint_id) > (?, ?)
     order by revision, endpoint_id limit ${PORTION}`,
    [place.revision, place.endpointId],
  )
  const last = rows.at(-1)
  if (!last) return { changed: [], place }
  const next = { revision: int(last.revision), endpointId: last.endpoint_id }
  return { changed: rows.map(toLesson), place: next }
}

/** The lessons of these endpoints; none for one that was never taught. */
export async function lessonsOf(db: Db, endpointIds: readonly string[]): Promise<Lesson[]> {
  const lessons: Lesson[] = []
  for (let from = 0; from < endpointIds.length; from += PORTION) {
    const ids = endpointIds.slice(from, from + PORTION)
    const rows: LessonRow[] = await db('endpoint_lessons').whereIn('endpoint_id', ids)
    lessons.push(...rows.map(toLesson))
  }
  return lessons
}

/** Forgets purchases that are too old to teach anything, and words that nobody has used since. */
export async function forgetOldLessons(store: Store, fence: Fence, nowMs: number): Promise<void> {
  const oldest = epochOf(nowMs) - KEPT_EPOCHS
  await forget(store, fence, 'learned_credits', ['word', 'endpoint_id', 'buyer_id'], oldest)
  await forget(store, fence, 'learned_spend', ['buyer_id', 'seller_id'], oldest)
  await inPortions(store, fence, (tx) => {
    const credits = tx('learned_credits').whereRaw('learned_credits.word = learned_words.word')
    const unused = tx('learned_words').whereNotExists(credits).limit(PORTION).select('word')
    return tx('learned_words').whereIn('word', unused).delete()
  })
}

function forget(
  store: Store,
  fence: Fence,
  table: string,
  key: readonly string[],
  oldestEpoch: number,
): Promise<void> {
  return inPortions(store, fence, (tx) => {
    const dead = tx(table).where('epoch', '<', oldestEpoch).limit(PORTION).select(key)
    return tx(table).whereIn(key, dead).where('epoch', '<', oldestEpoch).delete()
  })
}

/** Lets calls through between its steps. */
async function inPortions(store: Store, fence: Fence, work: (tx: Tx) => Promise<number>) {
  for (let removed = PORTION; removed === PORTION; ) {
    removed = await store.inTransaction(async (tx) => {
      await fence(tx)
      return work(tx)
    })
    await turn()
  }
}

/** Reads what all buyers of a word said, in portions. */
async function strengthsOf(store: Store, word: string, nowMs: number) {
  const tally = createTally(epochOf(nowMs))
  for (let after = ['', ''], isMore = true; isMore; ) {
    const rows: CreditRow[] = await creditsAfter(store, word, after)
    for (const row of rows) {
      tally.add({
        endpointId: row.endpoint_id,
        buyerId: row.buyer_id,
        epoch: int(row.epoch),
        percent: int(row.percent),
        spent: nanos(row.spent),
      })
    }
    isMore = rows.length === PORTION
    after = [rows.at(-1)?.endpoint_id ?? '', rows.at(-1)?.buyer_id ?? '']
    await turn()
  }
  return tally.strengths()
}

/** With what each buyer spent, but for what the endpoint's own seller got of it. */
function creditsAfter(store: Store, word: string, [endpointId, buyerId]: string[]) {
  return store.query<CreditRow>(
    `select c.endpoint_id, c.buyer_id, c.epoch, c.percent, cast((
       select coalesce(sum(s.fees + case when s.seller_id = c.seller_id then 0 else s.paid end), 0)
       from learned_spend s where s.buyer_id = c.buyer_id
     ) as bigint) as spent
     from learned_credits c
     where c.word = ? and (c.endpoint_id, c.buyer_id) > (?, ?)
     order by c.endpoint_id, c.buyer_id limit ${PORTION}`,
    [word, endpointId!, buyerId!],
  )
}

type Taught = { word: string; strengths: ReadonlyMap<string, number>; revision: number }

/** Sets what a word says of every endpoint, those included that it no longer says anything of. */
async function teach(tx: Tx, { word, strengths, revision }: Taught): Promise<void> {
  const credited = await tx('learned_credits').where({ word }).distinct('endpoint_id')
  const ids = new Set([...strengths.keys(), ...credited.map((row) => row.endpoint_id as string)])
  const known = new Map((await lessonsOf(tx, [...ids])).map((it) => [it.endpointId, it.words]))
  const rows = [...ids].flatMap((endpointId) => {
    const words = new Map(Object.entries(known.get(endpointId) ?? {}))
    const strength = strengths.get(endpointId)
    if (strength === words.get(word)) return []
    if (strength === undefined) words.delete(word)
    else words.set(word, strength)
    return [{ endpoint_id: endpointId, words: JSON.stringify(strongest(words)), revision }]
  })
  for (let from = 0; from < rows.length; from += PORTION) {
    const portion = rows.slice(from, from + PORTION)
    await tx('endpoint_lessons').insert(portion).onConflict('endpoint_id').merge()
  }
}

function toLesson(row: LessonRow): Lesson {
  return { endpointId: row.endpoint_id, words: JSON.parse(row.words) }
}
