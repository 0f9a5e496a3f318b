/** Texts as sequences of words, one for each document or listing, replaced whole. */
import { withRoom } from './columns.js'
import { GONE } from './postings.js'

/** The words of text `n` lie from `begins[n]` on, `lengths[n]` of them. */
export type StoredSequences = { begins: Uint32Array; lengths: Uint32Array; words: Uint32Array }

export type Sequences = {
  set(text: number, words: readonly number[]): void
  of(text: number): Uint32Array
  /** Those for which `numbers` gives a new number, under it; new numbers begin at 0 without a gap. */
  fold(numbers: Uint32Array): StoredSequences
}

export function createSequences(stored: StoredSequences = NOTHING): Sequences {
  // What was stored may still be on its way into the file, so it is never written into.
  let begins = stored.begins.slice()
  let lengths = stored.lengths.slice()
  let { words } = stored
  let end = words.length

  return {
    set(text, given) {
      begins = withRoom(begins, text + 1)
      lengths = withRoom(lengths, text + 1)
      words = withRoom(words, end + given.length)
      begins[text] = end
      lengths[text] = given.length
      words.set(given, end)
      end += given.length
    },
    of,
    fold(numbers) {
      let count = 0
      let length = 0
      for (let text = 0; text < numbers.length; text++) {
        if (numbers[text] === GONE) continue
        count++
        length += lengths[text] ?? 0
      }
      const folded: StoredSequences = {
        begins: new Uint32Array(count),
        lengths: new Uint32Array(count),
        words: new Uint32Array(length),
      }
      let at = 0
      for (let text = 0; text < numbers.length; text++) {
        const number = numbers[text]!
        if (number === GONE) continue
        folded.words.set(of(text), at)
        folded.begins[number] = at
        folded.lengths[number] = lengths[text] ?? 0
        at += lengths[text] ?? 0
      }
      return folded
    },
  }

  function of(text: number): Uint32Array {
    const begin = begins[text] ?? 0
    return words.subarray(begin, begin + (lengths[text] ?? 0))
  }
}

const NOTHING: StoredSequences = {
  begins: new Uint32Array(0),
  lengths: new Uint32Array(0),
  words: new Uint32Array(0),
}
