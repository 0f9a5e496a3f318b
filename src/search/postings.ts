/**
 * Postings: for each word the documents that it occurs in, and how strongly. One posting is one
 * 32-bit number: the document in its upper 22 bits, the strength in its lower ten.
 *
 * What was there at the last fold lies in one array, word after word; what came since lies in an
 * array of its own for each word. Postings of documents that are gone stay until the next fold.
 */

const STRENGTH_BITS = 10
const STRENGTHS = 2 ** STRENGTH_BITS
/** More documents than this cannot be told apart, those that are gone included until the fold. */
export const MAX_DOCUMENTS = 2 ** (32 - STRENGTH_BITS)
/** Postings that a fold copies before it lets others work; about two milliseconds. */
const FOLD_STEP = 200_000

/** All postings, as they are stored: those of `word` lie from `begins[word]` to `begins[word + 1]`. */
export type FoldedPostings = { begins: Uint32Array; entries: Uint32Array }

export type Postings = {
  /** Notes that `word` occurs in `document`, with a strength from 0 to 1, kept to a thousandth. */
  add(word: number, document: number, strength: number): void
  /** Documents that the word occurs in, those that are gone included until the fold. */
  frequencyOf(word: number): number
  /** Adds `weight` times its strength to the score of each document that `word` occurs in. */
  score(word: number, weight: number, into: Scores): void
  /** Raises what stands at the place of each document to the strength of `word` in it. */
  collect(word: number, places: Places, into: Float32Array): void
  /** What there is, without the documents for which `numbers` says `GONE`; it yields between steps. */
  fold(numbers: Uint32Array): Generator<void, FoldedPostings>
}

/** The new number, in a fold, of a document that is gone. */
export const GONE = 0xff_ff_ff_ff

/** Scores of documents while a query runs; `touched` holds each that has one, in no order. */
export type Scores = { values: Float32Array; touched: Uint32Array; count: number }

/**
 * Where documents have a place: `of` says for a document which one, counted from 1; 0 is none.
 * Place n is at `(n - 1) * stride + offset`; a strength counts `worth` times there.
 */
export type Places = { of: Uint32Array; stride: number; offset: number; worth: number }

type Recent = { entries: Uint32Array; length: number }

export function createPostings({ begins, entries }: FoldedPostings = NOTHING): Postings {
  const foldedWords = begins.length - 1
  const recent: (Recent | undefined)[] = []

  return {
    add(word, document, strength) {
      const list = recent[word] ?? { entries: new Uint32Array(2), length: 0 }
      recent[word] = list
      if (list.length === list.entries.length) list.entries = doubled(list.entries)
      const level = Math.min(STRENGTHS - 1, Math.max(1, Math.round(strength * STRENGTHS)))
      list.entries[list.length++] = document * STRENGTHS + level
    },
    frequencyOf: (word) => foldedEnd(word) - foldedBegin(word) + (recent[word]?.length ?? 0),
    score(word, weight, into) {
      const unit = weight / STRENGTHS
      addScores(entries, foldedBegin(word), foldedEnd(word), unit, into)
      const list = recent[word]
      if (list) addScores(list.entries, 0, list.length, unit, into)
    },
    collect(word, places, into) {
      collectStrengths(entries, foldedBegin(word), foldedEnd(word), places, into)
      const list = recent[word]
      if (list) collectStrengths(list.entries, 0, list.length, places, into)
    },
    fold,
  }

  function foldedBegin(word: number): number {
    return word < foldedWords ? begins[word]! : 0
  }

  function foldedEnd(word: number): number {
    return word < foldedWords ? begins[word + 1]! : 0
  }

  function* fold(numbers: Uint32Array): Generator<void, FoldedPostings> {
    const words = Math.max(foldedWords, recent.length)
    const all: FoldedPostings = {
      begins: new Uint32Array(words + 1),
      entries: new Uint32Array(
        entries.length + recent.reduce((sum, it) => sum + (it?.length ?? 0), 0),
      ),
    }
    let end = 0
    let yieldAt = FOLD_STEP
    for (let word = 0; word < words; word++) {
      all.begins[word] = end
      end = copy(entries.subarray(foldedBegin(word), foldedEnd(word)), numbers, all.entries, end)
      const list = recent[word]
      if (list) end = copy(list.entries.subarray(0, list.length), numbers, all.entries, end)
      if (end > yieldAt) {
        yield
        yieldAt = end + FOLD_STEP
      }
    }
    all.begins[words] = end
    return { begins: all.begins, entries: all.entries.subarray(0, end) }
  }
}

const NOTHING: FoldedPostings = { begins: new Uint32Array(1), entries: new Uint32Array(0) }

function doubled(entries: Uint32Array): Uint32Array {
  const larger = new Uint32Array(entries.length * 2)
  larger.set(entries)
  return larger
}

/** The inner loop of every search. */
function addScores(
  entries: Uint32Array,
  begin: number,
  end: number,
  unit: number,
  into: Scores,
): void {
  const { values, touched } = into
  let { count } = into
  for (let at = begin; at < end; at++) {
    const entry = entries[at]!
    const document = entry >>> STRENGTH_BITS
    const before = values[document]!
    if (before === 0) touched[count++] = document
    values[document] = before + unit * (entry & (STRENGTHS - 1))
  }
  into.count = count
}

function collectStrengths(
  entries: Uint32Array,
  begin: number,
  end: number,
  { of, stride, offset, worth }: Places,
  into: Float32Array,
): void {
  for (let at = begin; at < end; at++) {
    const entry = entries[at]!
    const place = of[entry >>> STRENGTH_BITS]!
    if (place === 0) continue
    const slot = (place - 1) * stride + offset
    into[slot] = Math.max(into[slot]!, (worth * (entry & (STRENGTHS - 1))) / STRENGTHS)
  }
}

/** Copies what is not gone under its new numbers; `end` moves by as many. */
function copy(from: Uint32Array, numbers: Uint32Array, into: Uint32Array, begin: number): number {
  let end = begin
  for (const entry of from) {
    const number = numbers[entry >>> STRENGTH_BITS]!
    if (number !== GONE) into[end++] = number * STRENGTHS + (entry & (STRENGTHS - 1))
  }
  return end
}
